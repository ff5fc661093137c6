"""Kubeflow Pipelines: that its API answers and takes the log-in, its version, and the experiment of the runs."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed_by, passed, warned
from labelcycle.pipelines.kubeflow.connection import Kubeflow, connect, quiet

SECONDS = 10
OLDEST, TRIED = (2, 0), (2, 17)
"""Which releases the packages are for, and which one ran them."""

ONE_USER_NAMESPACE = "kubeflow"
"""Where pods of runs are in an installation with one user."""


@dataclass(frozen=True)
class Address:
    """How the command line names an installation; see `labelcycle submit`."""

    host: str | None = None
    namespace: str | None = None
    token_file: str | None = None
    experiment: str = "labelcycle"


class KubeflowExamination:
    """Looks at one installation."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._kubeflow: Kubeflow | None = None

    def checks(self) -> list[Check]:
        """What to look at."""
        return [
            Check("kubeflow", "api", self.api_answers),
            Check("kubeflow", "version", self.version),
            Check("kubeflow", "runs", self.runs_are_listed),
            Check("kubeflow", "experiment", self.experiment),
        ]

    @property
    def pods_are_in(self) -> str:
        """The namespace of the pods, as far as it is known by now."""
        found = self._kubeflow.namespace if self._kubeflow is not None else None
        return found or self._address.namespace or ONE_USER_NAMESPACE

    @property
    def several_users(self) -> bool:
        """Whether the installation has several users, as far as it is known by now."""
        return self._kubeflow is not None and self._kubeflow.namespace is not None

    def api_answers(self) -> Iterator[CheckResult]:
        """Whether there is an API, and how many users it has."""
        address = self._address
        try:
            self._kubeflow = connect(address.host, address.namespace, address.token_file, seconds=SECONDS)
        except LabelcycleError as error:
            yield failed_by("api", error)
            return
        users = f"several users; runs go into {self.pods_are_in}" if self.several_users else "one user"
        yield passed("api", f"{self._kubeflow.pages} answers, with {users}")

    def version(self) -> Iterator[CheckResult]:
        """The release, where the API tells it."""
        if self._kubeflow is None:
            return
        try:
            told = str(self._kubeflow.read("/apis/v1beta1/healthz").get("tag_name") or "")
        except LabelcycleError:
            told = ""
        numbers = re.match(r"v?(\d+)\.(\d+)", told)
        tried = ".".join(map(str, TRIED))
        if numbers is None:
            yield passed("version", f"the API does not tell its version; {tried} was tried")
        elif (int(numbers[1]), int(numbers[2])) < OLDEST:
            yield warned(
                "version", f"Kubeflow Pipelines {told}", f"Update it to {tried}; version 1 takes no such packages."
            )
        else:
            yield passed("version", f"Kubeflow Pipelines {told}")

    def runs_are_listed(self) -> Iterator[CheckResult]:
        """Whether the user may see runs, which `labelcycle submit` looks for first."""
        yield from self._asked(
            "runs", lambda: self._client.list_runs(page_size=1, namespace=self._namespace), "may be listed"
        )

    def experiment(self) -> Iterator[CheckResult]:
        """The experiment of the runs, which the first run makes."""
        if self._kubeflow is None:
            return
        name = self._address.experiment
        wanted = json.dumps({"predicates": [{"key": "display_name", "operation": "EQUALS", "stringValue": name}]})

        def look() -> str:
            found = self._client.list_experiments(page_size=1, namespace=self._namespace, filter=wanted)
            return f"{name} is there" if found.experiments else f"{name} is made by the first run"

        yield from self._asked("experiment", look, "")

    def _asked(self, check: str, look: Callable[[], Any], seen: str) -> Iterator[CheckResult]:
        if self._kubeflow is None:
            return
        try:
            with quiet():
                found = look()
        except LabelcycleError as error:
            yield failed_by(check, error)
            return
        yield passed(check, seen or str(found))

    @property
    def _client(self) -> Any:
        if self._kubeflow is None:
            raise ConfigurationError("Kubeflow Pipelines has not answered. Look at its address first.")
        return self._kubeflow.client

    @property
    def _namespace(self) -> str | None:
        return self._kubeflow.namespace if self._kubeflow is not None else None
