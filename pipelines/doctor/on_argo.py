"""What is looked at for Argo: access, namespace, rights, what pods take, nodes, and Argo itself."""

from collections.abc import Iterator
from dataclasses import replace

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.argo.rendering import CYCLE
from labelcycle.pipelines.argo.workflow import SERVICE_ACCOUNT
from labelcycle.pipelines.doctor.access import Access
from labelcycle.pipelines.doctor.argo_resources import GROUP, VERSION, ArgoExamination, image_of
from labelcycle.pipelines.doctor.check_result import Check
from labelcycle.pipelines.doctor.namespace import Cluster, namespace_checks
from labelcycle.pipelines.doctor.nodes import NodeExamination
from labelcycle.pipelines.doctor.pods import pod_checks
from labelcycle.pipelines.doctor.question import Question
from labelcycle.pipelines.doctor.quota import quota_checks
from labelcycle.pipelines.doctor.rights import ARGO, ARGO_PURPOSES, Right, rights_checks, stage_account_checks
from labelcycle.pipelines.profiles.profile import Profile

NAMESPACE = "labelcycle"
STAGE_RIGHTS = (Right(ARGO, "workflowtaskresults", ("create", "patch")),)
"""By which Argo's executor, in each pod of a stage, reports outputs."""


def argo_checks(question: Question, profile: Profile, tool: str, tells_by: tuple[str, ...] = ()) -> Iterator[Check]:
    """All checks; those after the access are left out where the API server does not answer.

    Args:
        question: where a campaign is to run.
        profile: what pods ask for.
        tool: the address of the campaign's labelling tool; empty where there is none.
        tells_by: the variables that it takes to tell people as the campaign wants.
    """
    access = Access(question.context)
    yield Check("cluster", "access", access.look)
    if access.api is None:
        return
    cluster = Cluster(
        api=access.api,
        namespace=question.namespace or NAMESPACE,
        profile=profile,
        root=question.root,
        tool=tool,
        tells_by=tells_by,
        service_account=question.service_account or SERVICE_ACCOUNT,
        storage_secret=question.storage_secret,
        tracking_secret=question.tracking_secret,
        labelling_secret=question.labelling_secret,
        settings_map=question.settings_map,
    )
    cluster = replace(cluster, image=question.image or _image_of_workflows(cluster))
    yield from namespace_checks(cluster, "kubectl apply -f manifests/base/namespace.yaml")
    yield from rights_checks(cluster, ARGO_PURPOSES)
    apply = "kubectl apply -k manifests/overlays/argo makes it; or name another one with --service-account."
    yield from stage_account_checks(cluster, STAGE_RIGHTS, apply)
    yield from pod_checks(cluster)
    yield from quota_checks(cluster)
    yield from NodeExamination(cluster, "labelcycle argo --image writes it into the workflows.").checks()
    yield from ArgoExamination(cluster, question.image, question.on_labels).checks()


def _image_of_workflows(cluster: Cluster) -> str:
    """The image of the workflow template that is there; empty where there is none, which is a line of its own."""
    try:
        found = cluster.api.get(f"{cluster.path_in(GROUP, VERSION)}/workflowtemplates/{CYCLE}")
    except LabelcycleError:
        return ""
    return image_of(found, cluster.profile) if found is not None else ""
