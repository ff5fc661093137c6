"""What is looked at for each engine, in which order; each check is made when those before it have ended."""

from collections.abc import Callable, Iterator

from labelcycle.pipelines.doctor.check_result import Area, Check, CheckResult, Diagnosis, warned
from labelcycle.pipelines.doctor.question import Question
from labelcycle.pipelines.profiles.profile import Profile, read_profile

Tell = Callable[[Area, CheckResult], None]
"""Called with each finding as it is made."""

Begin = Callable[[str], None]
"""Called with the name of each check before it is made."""


def examine(question: Question, begin: Begin = lambda name: None, tell: Tell = lambda area, finding: None) -> Diagnosis:
    """Look at everything that the engine needs.

    Args:
        question: where a campaign is to run.
        begin: called before each check, for whoever waits.
        tell: called with each finding.

    Raises:
        ConfigurationError: there is no such profile.
    """
    diagnosis = Diagnosis(question.engine, question.root)
    for check in _checks(question, read_profile(question.profile)):
        begin(f"{check.area}: {check.name}")
        for finding in check.findings():
            diagnosis.findings.append((check.area, finding))
            tell(check.area, finding)
    return diagnosis


def _checks(question: Question, profile: Profile) -> Iterator[Check]:
    in_cluster = question.engine != "local"
    if not in_cluster:
        from labelcycle.pipelines.doctor.machine import machine_checks

        yield from machine_checks(question.root)
    tool, tells_by = "", tuple[str, ...]()
    if question.root:
        from labelcycle.pipelines.doctor.root import StoreExamination

        store = StoreExamination(question.root, in_cluster)
        yield from store.checks()
        tool, tells_by = store.tool, store.tells_by
    else:
        yield Check("store", "root", _no_root)
    from labelcycle.pipelines.doctor.tracking import tracking_checks

    yield from tracking_checks(question.root, in_cluster)
    if question.engine == "argo":
        from labelcycle.pipelines.doctor.on_argo import argo_checks

        yield from argo_checks(question, profile, tool, tells_by)
    elif question.engine == "kfp":
        from labelcycle.pipelines.doctor.on_kubeflow import kubeflow_checks

        yield from kubeflow_checks(question, profile, tool, tells_by)


def _no_root() -> Iterator[CheckResult]:
    remedy = "Name the root that the campaign is to have: labelcycle doctor ROOT …"
    yield warned("root", "none was named, so no store was looked at", remedy)
