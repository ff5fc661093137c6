"""Fixtures for all tests: an S3 server of our own and roots on it, tiny data, and campaigns on them."""

import gc
import importlib
import os
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3.session
import hypothesis
import numpy as np
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from PIL import Image
from werkzeug.serving import make_server

from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.images import source
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import sealed, unsealed
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests import blank_figures
from tests.platform_values import as_launcher_values

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Tiny networks gain nothing from threads, which would fight over cores with other test processes."""

if not os.environ.get("LABELCYCLE_TEST_COLD"):
    os.environ[blank_figures.VARIABLE] = "1"
    blank_figures.leave_figures_blank()

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""How long an example takes says something about the machine, not about the code."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What collection imports lives until the end; the garbage collector need not look through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


CLASSES = ["blue", "green", "red"]
TRAINING = ("embed base", "train_adapter", "embed tuned", "evaluate", "score", "select", "publish")
COLD_START = ("embed base", "select", "publish")


@dataclass(frozen=True)
class Pictures:
    """Where the tiny images are, the labels of all of them, and those of the test set."""

    images: Path
    labels: Path
    test: Path


@pytest.fixture(autouse=True)
def drawn_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests with the marker `draws` look at figures, or at the bytes of reports that have some."""
    if request.node.get_closest_marker("draws"):
        monkeypatch.delenv(blank_figures.VARIABLE, raising=False)


class Bench:
    """A campaign whose stages a test runs one by one, in this process and without MLflow."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.cycle, self.attempt = 0, ""

    def ingest(self, labels_from: str = "", finalize: bool = False) -> Any:
        """Run label_ingest; later stages work on the attempt that it names."""
        stage = importlib.import_module("labelcycle.components.label_ingest.stage")
        facts = stage.run(self.root, labels_from, finalize)
        self.cycle, self.attempt = facts.cycle, facts.attempt
        return facts

    def run(self, stage: str, **settings: Any) -> Any:
        """Run a stage, `embed base` and `embed tuned` among them, on the attempt; returns its facts."""
        name, _, target = stage.partition(" ")
        if target:
            settings["target"] = target
        module = importlib.import_module(f"labelcycle.components.{name}.stage")
        facts = module.run(root=self.root, cycle=self.cycle, attempt=self.attempt, **settings)
        as_launcher_values(facts.as_metadata())  # so that Kubeflow takes what any recipe's stages tell
        return facts

    def run_until(self, last: str, labels_from: str = "", finalize: bool = False) -> Any:
        """Ingest, and run the stages in order up to and including `last`; returns the facts of `last`."""
        stages = COLD_START if self.ingest(labels_from, finalize).decision == "cold_start" else TRAINING
        for stage in stages[: stages.index(last) + 1]:
            facts = self.run(stage)
        return facts

    def run_cycle(self, labels_from: str = "", finalize: bool = False) -> Any:
        """Run a whole cycle; returns the facts of publish."""
        return self.run_until("publish", labels_from, finalize)

    @property
    def work(self) -> Attempt:
        """The attempt that the stages work on."""
        return open_attempt(self.root, self.cycle, self.attempt)

    def forget(self, stage: str) -> None:
        """Let a stage, with its shard where it works in shards, not have run for this attempt; for roots in folders."""
        (Path(self.root) / self.work.key(f"results/{stage}.json")).unlink()

    def replace(self, stage: str, name: str, data: bytes) -> None:
        """Let a stage have written other bytes under `name`; its other results stay. For roots in folders."""
        work, store = self.work, open_store(self.root)
        key = work.key(f"results/{stage}.json")
        content = unsealed(store.read(key), key, "a record")
        content["objects"][name] = work.write(name, data).model_dump()
        store.write(key, sealed(content))

    @property
    def state(self) -> State:
        return read_state(open_store(self.root))

    def files(self) -> dict[str, bytes]:
        """Every object of the campaign, by key, but for the timings, which every run of a stage adds to."""
        store = open_store(self.root)
        return {key: store.read(key) for key in store.keys("") if "/timings/" not in key}


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """moto's conditional put looks and then writes; a lock makes the two one step, as they are on S3."""
    lock = threading.Lock()

    def answer(environment: dict[str, Any], start_response: Any) -> list[bytes]:
        with lock:
            return list(application(environment, start_response))

    return answer


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server that lives as long as the test session."""
    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def s3_administrator(s3_server: str) -> Any:
    """A client to prepare buckets with; one for all tests, because making a client is slow."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=s3_server,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """AWS settings: credentials that any test server takes, and none of the machine's own.

    They are the same for all tests, which so share a client; it takes long to make.
    """
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-files"
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_S3_ADDRESSING_STYLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    source.image_client.cache_clear()


@pytest.fixture
def own_s3_client(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS settings that no other test has, and with them a client, for tests that change or wear out theirs."""
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", uuid.uuid4().hex)


@pytest.fixture
def s3_endpoint(s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the S3 server, which the AWS settings of this test name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    return s3_server


@pytest.fixture
def s3_root(s3_endpoint: str, s3_administrator: Any) -> str:
    """A root on S3 that no other test uses: `s3://<new bucket>/prefix`."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_administrator.create_bucket(Bucket=bucket)
    return f"s3://{bucket}/prefix"


@pytest.fixture(params=["folder", "s3"])
def store_root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh root of each kind in turn."""
    if request.param == "folder":
        return str(tmp_path / "campaign")
    root: str = request.getfixturevalue("s3_root")
    return root


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Sixty images of 32×32 in three classes that are easy to tell apart; labels of all, and of a test set of twelve.

    Tests must not change them; those that have to make a copy.
    """
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    rows = []
    for number, name in enumerate(CLASSES):
        for index in range(20):
            pixels = generator.integers(0, 90, (32, 32, 3), dtype=np.uint8)
            pixels[..., number] += 120
            sample_id = f"{name}/{index:02d}.png"
            path = folder / "images" / sample_id
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            rows.append((sample_id, name, index))
    header = "sample_id,label\n"
    (folder / "labels.csv").write_text(header + "".join(f"{name},{label}\n" for name, label, _ in rows))
    (folder / "test.csv").write_text(header + "".join(f"{name},{label}\n" for name, label, row in rows if row < 4))
    return Pictures(folder / "images", folder / "labels.csv", folder / "test.csv")


def write_embeddings(path: Path) -> Path:
    """Sixty embeddings of width 8 in the same three classes, with labels and a test split of twelve, as npz."""
    generator = np.random.default_rng(1)
    labels = np.repeat(CLASSES, 20)
    centres = np.repeat(np.eye(3, 8), 20, axis=0) * 4
    np.savez(
        path,
        ids=np.array([f"{name}-{row:02d}" for row, name in enumerate(labels)]),
        features=(centres + generator.normal(size=(60, 8))).astype(np.float32),
        labels=labels,
        splits=np.where(np.arange(60) % 20 < 4, "test", "pool"),
    )
    return path


@pytest.fixture(scope="session")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings in a file; see `write_embeddings`."""
    return write_embeddings(tmp_path_factory.mktemp("embeddings") / "embeddings.npz")


def write_text_encoder(folder: Path) -> Path:
    """A folder with a tiny text encoder of random weights, width 16, that knows a few words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, "a", "photo", "of", ".", "it", "is", "day", "snowy", *CLASSES]
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def text_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny text encoder; see `write_text_encoder`."""
    return write_text_encoder(tmp_path_factory.mktemp("text-encoder"))


@pytest.fixture
def begin(tmp_path: Path, embeddings: Path) -> Callable[..., Bench]:
    """A function: settings of `labelcycle init` → a new campaign, by default of a quick recipe on the embeddings."""

    def begun(root: str | None = None, **settings: Any) -> Bench:
        solved = settings.get("recipe") in ("logistic", "refine", "uherding")
        quick = {} if solved else {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
        quick |= settings.pop("overrides", {})
        chosen = {"recipe": "linear_probe", "budget": 24, "batch": 8, "overrides": quick, **settings}
        if "images" not in chosen:
            chosen.setdefault("embeddings", str(embeddings))
        root = root or str(tmp_path / "campaign")
        begin_campaign(root, CampaignSettings(**chosen))
        return Bench(root)

    return begun


@pytest.fixture
def begin_on_images(begin: Callable[..., Bench], pictures: Pictures) -> Callable[..., Bench]:
    """The same on the pictures."""

    def begun(root: str | None = None, **settings: Any) -> Bench:
        data = {"images": str(pictures.images), "labels_from": str(pictures.labels), "test": str(pictures.test)}
        return begin(root, **(data | settings))

    return begun


@pytest.fixture
def begin_on_small_network(begin_on_images: Callable[..., Bench], tmp_path: Path) -> Callable[..., Bench]:
    """The same, through a network of a few thousand random numbers that this process alone knows."""
    from tests.frozen_roots import tiny_backbone

    weights = tmp_path / f"{tiny_backbone.NAME}.safetensors"
    weights.write_bytes(tiny_backbone.random_weights())

    def begun(root: str | None = None, **settings: Any) -> Bench:
        return begin_on_images(root, backbone=tiny_backbone.NAME, weights=str(weights), **settings)

    return begun
