"""The way to the cluster: that there is a kubeconfig, that the API server answers and knows the user, its version."""

import re
from collections.abc import Iterator

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.doctor.check_result import CheckResult, failed_by, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import UNAUTHENTICATED, KubernetesApi, Refused, connect

OLDEST = (1, 33)
"""Kubernetes' versions from which the manifests are checked against its schemas."""

ANONYMOUS = "system:anonymous"
"""Whom the server takes for the user where there is no log-in, as where a plug-in of the kubeconfig has failed."""

OURSELVES = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Access:
    """Finds the way.

    Attributes:
        api: what answers; None before it was looked for, and where none does.
    """

    def __init__(self, context: str) -> None:
        self._context = context
        self.api: KubernetesApi | None = None

    def look(self) -> Iterator[CheckResult]:
        """Whether the API server answers, as whom it knows the user, and its version."""
        try:
            api = connect(self._context)
            user = _user(api)
        except LabelcycleError as error:
            yield failed_by("access", error)
            return
        self.api = api
        unchecked = "" if api.checks_certificate else ", by a certificate that the kubeconfig does not have checked"
        yield passed("access", f"{api.address} answers to {user}{unchecked}")
        yield _version(api)


def _user(api: KubernetesApi) -> str:
    """As whom the server knows the user.

    Raises:
        Refused: it knows nobody by this log-in.
        Unreachable: it does not answer.
    """
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        return str(api.review(OURSELVES, review)["status"]["userInfo"]["username"])
    except Refused as error:
        if error.status == UNAUTHENTICATED or ANONYMOUS in str(error):
            raise
    except KeyError:
        pass
    return "somebody, as it does not tell"


def _version(api: KubernetesApi) -> CheckResult:
    told = (api.get("/version") or {}).get("gitVersion", "")
    numbers = re.match(r"v(\d+)\.(\d+)", told)
    if numbers is None:
        return warned("version", "the server does not tell its version", f"See that it is {_dotted(OLDEST)} or later.")
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        return warned("version", f"Kubernetes {told}", f"Update the cluster to {_dotted(OLDEST)} or later.")
    return passed("version", f"Kubernetes {told}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
