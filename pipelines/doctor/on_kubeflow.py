"""What is looked at for Kubeflow Pipelines: its API, and the namespace of its runs as far as the user may see it.

Whoever submits needs no access to Kubernetes itself. So what cannot be seen there is no failure.
"""

from collections.abc import Iterator

from labelcycle.components.core.config.environment import IMAGE
from labelcycle.pipelines.doctor.access import Access
from labelcycle.pipelines.doctor.argo_resources import check_kinds
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, softened
from labelcycle.pipelines.doctor.controller import check_controller
from labelcycle.pipelines.doctor.kubeflow_api import Address, KubeflowExamination
from labelcycle.pipelines.doctor.namespace import Cluster, namespace_checks
from labelcycle.pipelines.doctor.nodes import NodeExamination
from labelcycle.pipelines.doctor.pods import pod_checks
from labelcycle.pipelines.doctor.question import Question
from labelcycle.pipelines.doctor.quota import quota_checks
from labelcycle.pipelines.doctor.rights import KUBEFLOW_PURPOSES, rights_checks, stage_account_checks
from labelcycle.pipelines.profiles.profile import Profile

USUAL_ACCOUNTS = {True: "default-editor", False: "pipeline-runner"}
"""What pods of runs run as, where there are several users, and where there is one."""

KINDS = ("workflows", "workflowtaskresults")
"""What Kubeflow Pipelines asks of the Argo Workflows beneath it."""


def kubeflow_checks(question: Question, profile: Profile, tool: str, tells_by: tuple[str, ...] = ()) -> Iterator[Check]:
    """All checks; those of the cluster are left out where the user has no access to it.

    Args:
        question: where a campaign is to run.
        profile: what pods ask for.
        tool: the address of the campaign's labelling tool; empty where there is none.
        tells_by: the variables that it takes to tell people as the campaign wants.
    """
    kubeflow = KubeflowExamination(
        Address(question.host, question.namespace or None, question.token_file, question.experiment)
    )
    yield from kubeflow.checks()
    access = Access(question.context)

    def look() -> Iterator[CheckResult]:
        yield from softened(access.look())

    yield Check("cluster", "access", look)
    if access.api is None:
        return
    cluster = Cluster(
        api=access.api,
        namespace=kubeflow.pods_are_in,
        profile=profile,
        image=question.image or IMAGE,
        root=question.root,
        tool=tool,
        tells_by=tells_by,
        service_account=question.service_account or USUAL_ACCOUNTS[kubeflow.several_users],
        storage_secret=question.storage_secret,
        tracking_secret=question.tracking_secret,
        labelling_secret=question.labelling_secret,
        settings_map=question.settings_map,
    )
    yield from namespace_checks(cluster, "Make a Kubeflow profile of this name")
    if kubeflow.several_users:
        yield from rights_checks(cluster, KUBEFLOW_PURPOSES)
    made_by = "Kubeflow makes it with the profile; name the one that pods have with --service-account."
    yield from stage_account_checks(cluster, (), made_by)
    yield from pod_checks(cluster)
    yield from quota_checks(cluster)
    yield from NodeExamination(cluster, "It is --image of labelcycle submit, or LABELCYCLE_IMAGE.").checks()
    yield Check("argo", "kinds", lambda: [check_kinds(cluster.api, KINDS, "Argo Workflows 3.6", "kinds")])
    yield Check("argo", "controller", lambda: check_controller(cluster))
