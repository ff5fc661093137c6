"""`labelcycle doctor` in this process, a cluster that it asks, and nothing of this machine's own settings."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labelcycle.pipelines.cli.main import main
from tests.pipelines.doctor.installed import with_argo
from tests.pipelines.doctor.kubernetes_server import Cluster, serving_cluster


@dataclass(frozen=True)
class Report:
    """How the command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """The JSON."""
        return json.loads(self.out)

    @property
    def statuses(self) -> dict[str, str]:
        """The worst status of each check, by area and name."""
        worst: dict[str, str] = {}
        for finding in self.facts["findings"]:
            name = f"{finding['area']}: {finding['check']}"
            worst[name] = max(worst.get(name, ""), finding["status"], key=["", "pass", "warn", "fail"].index)
        return worst

    def trouble(self) -> dict[str, str]:
        """What does not pass: status, what was seen and the remedy, by area and name; several of one name in a row."""
        found: dict[str, str] = {}
        for each in self.facts["findings"]:
            if each["status"] != "pass":
                name, line = f"{each['area']}: {each['check']}", f"{each['status']}: {each['seen']} → {each['remedy']}"
                found[name] = f"{found[name]} | {line}" if name in found else line
        return found


Doctor = Callable[..., Report]


@pytest.fixture
def doctor(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    aws_environment: None,
) -> Doctor:
    """A function that runs `labelcycle doctor` with some arguments, for JSON unless it is told otherwise."""
    for name in list(os.environ):
        if name.startswith(("KF_PIPELINES_", "LABELCYCLE_", "KUBE", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, as_json: bool = True) -> Report:
        words = ["labelcycle", "doctor", *map(str, arguments), *(["--json"] if as_json else [])]
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err, err
        return Report(code, out, err)

    return run


@pytest.fixture
def cluster(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster with everything for Argo, which the kubeconfig of this test names."""
    with serving_cluster(with_argo()) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig(tmp_path)))
        yield served
