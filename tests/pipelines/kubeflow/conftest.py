"""A Kubeflow Pipelines API of the test's own, campaigns in S3, and the command line in this process."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from labelcycle.pipelines.cli.main import main
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi, serving


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelinesApi]:
    """A server that is empty, which the environment of this test names; nothing of this machine is in the way."""
    for name in list(os.environ):
        if name.startswith(("KF_PIPELINES_", "LABELCYCLE_", "KUBE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    with serving() as server:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
        yield server


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """A function that runs `labelcycle` with some arguments in this process, which saves seconds of imports."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["labelcycle", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture
def campaign(begin: Callable[..., Bench], s3_root: str) -> Bench:
    """A campaign in S3 whose labels are known, and which has no cycle yet."""
    return begin(s3_root)


@pytest.fixture
def name(campaign: Bench) -> str:
    """What the campaign is called."""
    return campaign.state.campaign.identifier
