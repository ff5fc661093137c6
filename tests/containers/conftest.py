"""The image, built once, and what containers of it work on. Only where LABELCYCLE_TEST_CONTAINERS is set."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Bench, Pictures
from tests.containers.base_image import import_base_image
from tests.containers.engine import Engine, engine, obstacle
from tests.containers.wheels import fetched, served

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "images" / "requirements.lock"
SWITCH, NAMED = "LABELCYCLE_TEST_CONTAINERS", "LABELCYCLE_TEST_IMAGE"


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where the base image and the packages are kept for the next time."""
    folder = Path(os.environ.get("LABELCYCLE_TEST_CACHE", Path.home() / ".cache" / "labelcycle-test-containers"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def container_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine, for as long as the tests run."""
    if SWITCH not in os.environ:
        pytest.skip(f"builds an image of gigabytes: make test-containers, which sets {SWITCH}, runs it")
    if reason := obstacle():
        pytest.fail(reason)
    cache = request.getfixturevalue("cache")
    sockets, data = Path(tempfile.mkdtemp(prefix="engine-")), Path(tempfile.mkdtemp(prefix="engine-", dir=cache))
    try:
        with engine(sockets, data) as running:
            yield running
    finally:
        shutil.rmtree(sockets)
        shutil.rmtree(data)


@pytest.fixture(scope="session")
def image(container_engine: Engine, cache: Path) -> Iterator[str]:
    """The name of the image for processors, built from this checkout; or one that is there already, if it is named."""
    if NAMED in os.environ:
        yield os.environ[NAMED]
        return
    name = f"labelcycle-python:test-{os.getpid()}"
    build = ["build", "--network=host", f"--file={ROOT / 'images' / 'Containerfile'}", "--target=cpu", f"--tag={name}"]
    with served(fetched(LOCK, cache)) as wheels:
        arguments = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "REVISION": "0123abc"}
        if container_engine.own:
            arguments["BASE_IMAGE"] = import_base_image(container_engine, cache)
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        container_engine.run(*build, *given, str(ROOT))
    yield name
    container_engine.run("image", "rm", name)


@dataclass(frozen=True)
class Work:
    """A campaign that a container works on.

    Attributes:
        root: the campaign.
        data: its pictures and labels, which containers only read.
        user: the user and group of the containers, as docker's `--user` takes them.
    """

    root: Path
    data: Path
    user: str

    @property
    def mounts(self) -> dict[Path, bool]:
        """The folders that a container sees at their own paths, and whether it only reads them."""
        return {self.root: False, self.data: True}


@pytest.fixture
def begin_for(begin: Callable[..., Bench], pictures: Pictures, tmp_path: Path) -> Callable[[int], Work]:
    """A function: user → a new campaign on pictures that belongs to this user.

    Without root the campaign can't be given away, and the containers have to run as who runs the tests. LoRA in the
    backbone, so that a cycle needs most of the packages.
    """

    def begun(user: int) -> Work:
        data, root = tmp_path / "data", tmp_path / "campaign"
        shutil.copytree(pictures.images, data / "images")
        for file in (pictures.labels, pictures.test):
            shutil.copy(file, data)
        begin(
            str(root),
            recipe="peal_entropy",
            images=str(data / "images"),
            labels_from=str(data / pictures.labels.name),
            test=str(data / pictures.test.name),
            overrides={"trainer.epochs": 1},
        )
        if os.geteuid() != 0:
            return Work(root, data, f"{os.geteuid()}:{os.getegid()}")
        for path in (root, *root.rglob("*")):
            os.chown(path, user, user)
        return Work(root, data, f"{user}:{user}")

    return begun
