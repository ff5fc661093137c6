"""A Kubeflow Pipelines API of the test's own, campaigns in S3, and the command line in this process."""

import functools
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.storage import s3, s3_connection
from labelcycle.pipelines.cli.main import main
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from labelcycle.pipelines.kubeflow import run_request as request
from labelcycle.pipelines.kubeflow import schedule, submission, transport
from labelcycle.pipelines.kubeflow.lookup import name_at
from labelcycle.pipelines.profiles.profile import Profile
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


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """`write_package`, which compiles each package once in the session."""
    folder = tmp_path_factory.mktemp("packages")
    compile_package = request.write_package

    @functools.cache
    def compiled(
        pipeline: Any, profile: str, image: str, shards: int | None, features_stay: bool, tells_of_failures: bool
    ) -> Path:
        path = folder / f"{uuid.uuid4().hex}.yaml"
        read = Profile.model_validate_json(profile)
        compile_package(pipeline, path, read, image, shards, features_stay, tells_of_failures)
        return path

    def write(
        pipeline: Any,
        path: Path,
        profile: Profile,
        image: str,
        shards: int | None = None,
        features_stay: bool = False,
        tells_of_failures: bool = False,
    ) -> None:
        made = compiled(pipeline, profile.model_dump_json(), image, shards, features_stay, tells_of_failures)
        shutil.copyfile(made, path)

    return write


def share_client(patch: pytest.MonkeyPatch, client: Any) -> None:
    """Let all stores and images be read with one client, because making one takes long."""
    patch.setattr(s3, "s3_client", lambda: client)
    patch.setattr(s3_connection, "s3_client", lambda: client)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: Callable[..., None],
    s3_administrator: Any,
) -> Callable[..., Answer]:
    """A function that runs `labelcycle` with some arguments in this process, which saves seconds of imports.

    What is slow to make is made once, the packages and the client of S3, and pauses between requests are short.
    """
    monkeypatch.setattr(transport, "READ_PAUSE", 0.01)
    monkeypatch.setattr(schedule, "SETTLING_SECONDS", 0.01)
    monkeypatch.setattr(submission, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(submission, "OUTAGE_PAUSE", 0.01)
    monkeypatch.setattr(request, "write_package", packages)
    share_client(monkeypatch, s3_administrator)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["labelcycle", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture(scope="session")
def untouched_root(s3_server: str, s3_administrator: Any, embeddings: Path) -> str:
    """A campaign in S3 whose labels are known, and which has no cycle yet. Tests must not change it."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_administrator.create_bucket(Bucket=bucket)
    root = f"s3://{bucket}/digits"
    with pytest.MonkeyPatch.context() as patch:
        share_client(patch, s3_administrator)
        begin_campaign(root, CampaignSettings(recipe="linear_probe", budget=24, batch=8, embeddings=str(embeddings)))
    return root


@pytest.fixture
def campaign(untouched_root: str, s3_endpoint: str, api: PipelinesApi) -> Bench:
    """That campaign, which the server's runs are for; tests of this folder only read it."""
    api.root = untouched_root
    return Bench(untouched_root)


@pytest.fixture(scope="session")
def name(untouched_root: str, s3_administrator: Any) -> str:
    """What that campaign's runs and schedules are called after."""
    with pytest.MonkeyPatch.context() as patch:
        share_client(patch, s3_administrator)
        return name_at(untouched_root, Bench(untouched_root).state.campaign)
