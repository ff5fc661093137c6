"""Secrets stay where they belong: planted wherever they can come from, and looked for in all that is written.

Real processes work on a campaign in S3, on MLflow (away at first, then a database), against servers of Label Studio and
of Kubeflow that refuse and repeat in their answers whatever they were sent. It takes minutes: `make test-security`.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.security.leaks import leaks, leaks_in_folder
from tests.security.refusing_server import RefusingServer

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif("LABELCYCLE_TEST_SECURITY" not in os.environ, reason="LABELCYCLE_TEST_SECURITY is not set"),
]

SECONDS = 600
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted/Aws+Secret=9f2c81d07e",
    "AWS_SESSION_TOKEN": "planted/Session+Token==71b0c4d2aa",
    "MLFLOW_TRACKING_PASSWORD": "planted:Mlflow/Password+4471e0",
    "MLFLOW_TRACKING_TOKEN": "planted-mlflow-token~8123ab55",
    "the password in MLFLOW_TRACKING_URI": "planted/Uri+Password=e7712f",
    "LABEL_STUDIO_TOKEN": "plantedLabelStudio0123456789abcdef012345",
    "the file of LABEL_STUDIO_TOKEN_FILE": "aGVhZGVy.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.plantedPersonal77c1",
    "an access token that Label Studio gave": "plantedAccess0123456789fedcba",
    "LABELCYCLE_KFP_TOKEN": "planted-kfp-token.5577aa33/+",
    "LABELCYCLE_KFP_COOKIES": "session=planted-kfp-cookie-99d1",
}
MLFLOW_IS_AWAY = {
    "MLFLOW_TRACKING_URI": "http://user:{}@127.0.0.1:9".format(
        urllib.parse.quote(SECRETS["the password in MLFLOW_TRACKING_URI"], safe="")
    )
}
RECORD = "import sys; from labelcycle.components.publish.mlflow_record import record_in_mlflow as r; r(sys.argv[1])"


@dataclass
class Outputs:
    """All that the processes left.

    Attributes:
        printed: what each wrote to standard output and error, by what it was asked for.
        codes: how each ended.
        arguments: the command lines of every process that was seen.
        folder: working directory, temporary files kept for good, rendered files, the database of MLflow.
        objects: every object in the store, by key.
    """

    folder: Path
    printed: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    arguments: set[str] = field(default_factory=set)
    objects: dict[str, bytes] = field(default_factory=dict)


class Surroundings:
    """Starts processes with every secret in their environment, and keeps what would be gone when they end."""

    def __init__(self, folder: Path, endpoint: str, labels: str) -> None:
        self.outputs = Outputs(folder)
        self.labels = labels
        for name in ("work", "temporary", "kept"):
            (folder / name).mkdir(parents=True)
        self.token_file = folder.parent / "label-studio-token"
        self.token_file.write_text(SECRETS["the file of LABEL_STUDIO_TOKEN_FILE"])
        foreign = ("AWS_", "MLFLOW_", "LABEL", "KFP_", "KF_")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            **{name: secret for name, secret in SECRETS.items() if " " not in name},
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_TRACKING_USERNAME": "user",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "TMPDIR": str(folder / "temporary"),
            "OMP_NUM_THREADS": "1",
        }

    def call(self, about: str, *command: str, **variables: str | None) -> int:
        """Run a command to its end, and keep what it wrote, its temporary files and its processes' arguments."""
        environment = self.environment | {name: value for name, value in variables.items() if value is not None}
        for name in (name for name, value in variables.items() if value is None):
            del environment[name]
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=self.outputs.folder / "work",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(process.pid, ended), daemon=True)
        watcher.start()
        try:
            self.outputs.printed[about], _ = process.communicate(timeout=SECONDS)
        finally:
            ended.set()
            watcher.join()
            process.kill()
        self.outputs.codes[about] = process.returncode
        return process.returncode

    def labelcycle(self, about: str, *arguments: str, **variables: str | None) -> int:
        """Run `labelcycle`."""
        return self.call(about, "-m", "labelcycle.pipelines.cli.main", *arguments, **variables)

    def _watch(self, pid: int, ended: threading.Event) -> None:
        while not ended.wait(0.03):
            self._keep_temporary_files()
            try:
                processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                self.outputs.arguments |= {"\0".join(process.cmdline()) for process in processes}
            except psutil.Error:
                continue

    def _keep_temporary_files(self) -> None:
        """A second name for each file, which stays when the first is removed."""
        temporary = self.outputs.folder / "temporary"
        for folder, _, names in os.walk(temporary):
            for path in (Path(folder) / name for name in names):
                kept = str(path.relative_to(temporary)).replace("/", "__")
                with contextlib.suppress(OSError):
                    os.link(path, self.outputs.folder / "kept" / kept)


@pytest.fixture(scope="module")
def outputs(
    s3_server: str, s3_administrator: Any, pictures: Any, embeddings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outputs]:
    """What a campaign of three cycles, one that a labelling tool refuses, and renderings for clusters leave."""
    bucket = f"secrets-{uuid.uuid4().hex[:12]}"
    s3_administrator.create_bucket(Bucket=bucket)
    s3_administrator.upload_file(str(embeddings), bucket, "embeddings.npz")
    for path in sorted(pictures.images.rglob("*.png")):
        s3_administrator.upload_file(str(path), bucket, f"images/{path.relative_to(pictures.images).as_posix()}")
    world = Surroundings(tmp_path_factory.mktemp("secrets") / "outputs", s3_server, str(pictures.labels))
    _campaign(world, f"s3://{bucket}/campaign", f"s3://{bucket}/embeddings.npz")
    with RefusingServer(SECRETS["an access token that Label Studio gave"]) as refusing:
        _refused(world, refusing.url, f"s3://{bucket}/people", f"s3://{bucket}/images", str(pictures.test))
    _rendered(world)
    for page in s3_administrator.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page["Contents"]:
            world.outputs.objects[found["Key"]] = s3_administrator.get_object(Bucket=bucket, Key=found["Key"])[
                "Body"
            ].read()
    yield world.outputs


def _campaign(world: Surroundings, root: str, embeddings: str) -> None:
    """Two cycles of one engine and one of the other while MLflow is away, then what MLflow has missed."""
    settings = ("--recipe", "linear_probe", "--budget", "12", "--batch", "6", "--set", "trainer.epochs=3")
    assert world.labelcycle("init", "init", root, "--embeddings", embeddings, *settings) == 0, world.outputs.printed
    code = world.labelcycle("run", "run", root, "--cycles", "1", **MLFLOW_IS_AWAY)
    assert code == 0, world.outputs.printed["run"]
    code = world.labelcycle("run by kfp", "run", root, "--engine", "kfp", **MLFLOW_IS_AWAY)
    assert code == 0, world.outputs.printed["run by kfp"]
    database = f"sqlite:///{world.outputs.folder / 'work' / 'mlflow.db'}"
    assert world.call("record", "-c", RECORD, root, MLFLOW_TRACKING_URI=database) == 0
    assert world.labelcycle("status", "status", root, "--json") == 0


def _refused(world: Surroundings, server: str, root: str, images: str, test: str) -> None:
    """A query that Label Studio refuses, by each kind of token; and a submission that Kubeflow refuses."""
    people = ("--images", images, "--test", test, "--budget", "4", "--batch", "4", "--label-studio", server)
    assert world.labelcycle("init people", "init", root, *people) == 0, world.outputs.printed
    assert world.labelcycle("run people", "run", root, **MLFLOW_IS_AWAY, LABELCYCLE_LOG="json") == 1
    file = {"LABEL_STUDIO_TOKEN": None, "LABEL_STUDIO_TOKEN_FILE": str(world.token_file)}
    assert world.labelcycle("publish", "publish", root, **file) == 1
    assert world.labelcycle("submit", "submit", root, "--host", server) in (1, 2)


def _rendered(world: Surroundings) -> None:
    """Packages for Kubeflow and manifests for Argo."""
    assert world.labelcycle("compile", "compile", "--output", "compiled") == 0
    assert world.labelcycle("argo", "argo", "--output", "argo", "--root", "s3://bucket/campaign") == 0


def test_the_campaign_was_a_whole_one(outputs: Outputs) -> None:
    """Else the other tests would look at nothing."""
    assert "campaign/cycles/2/commit.json" in outputs.objects and "people/cycles/0/commit.json" in outputs.objects
    assert any(key.endswith(".html") for key in outputs.objects)
    assert b"MLflow has no record of this cycle yet" in outputs.printed["run"]
    assert all(b"may not do" in outputs.printed[about] for about in ("run people", "publish"))
    assert any("local.stage_process" in line for line in outputs.arguments)
    assert sum("executor_main" in line for line in outputs.arguments) > 8
    kept = [path.name for path in (outputs.folder / "kept").iterdir()]
    assert any("events.jsonl" in name for name in kept)
    assert (outputs.folder / "work" / "mlflow.db").stat().st_size > 100_000
    assert list((outputs.folder / "work").rglob("head.safetensors"))
    assert (outputs.folder / "work" / "compiled" / "cycle.yaml").is_file()
    assert list((outputs.folder / "work" / "argo").rglob("cycle.yaml"))


def test_nothing_printed_has_a_secret(outputs: Outputs) -> None:
    for about, text in outputs.printed.items():
        assert leaks(f"what {about} printed", text, SECRETS) == []


def test_no_argument_of_a_process_has_a_secret(outputs: Outputs) -> None:
    for line in outputs.arguments:
        assert leaks(f"the arguments {line[:80]!r}", line.encode(), SECRETS) == []


def test_no_object_in_the_store_has_a_secret(outputs: Outputs) -> None:
    for key, content in outputs.objects.items():
        assert leaks(f"object {key}", content, SECRETS) + leaks("a key", key.encode(), SECRETS) == []


def test_no_file_has_a_secret(outputs: Outputs) -> None:
    """Events, logs and artifacts of the stages; MLflow's database and files; packages and manifests."""
    assert leaks_in_folder(outputs.folder, SECRETS) == []


def test_facts_for_machines_have_no_secret(outputs: Outputs) -> None:
    assert json.loads(outputs.printed["status"])["cycles"]
