"""Images are looked at by threads, by processes or by neither, as fits their number and size, with one result."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.images import inspection
from labelcycle.components.core.images.inspection import BLOCK_IMAGES, Found, Inspected, inspect_images
from tests.pipelines.initialise.conftest import picture

COUNT = 2 * BLOCK_IMAGES + 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, one of them damaged."""
    path = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        (path / f"{number:03d}.png").write_bytes(picture(number))
    (path / "100.png").write_bytes(b"no picture")
    return path


def found(folder: Path, on_the_way: bool) -> list[Found]:
    """The pictures, and where they were read on the way their bytes."""
    paths = sorted(folder.iterdir())
    return [Found(path.name, str(path), path.read_bytes() if on_the_way else None) for path in paths]


@pytest.mark.parametrize("on_the_way", [False, True], ids=["from files", "read on the way"])
@pytest.mark.parametrize("limits", [{}, {"MANY": 1}, {"SMALL": 1}], ids=["alone", "processes", "threads"])
def test_the_way_makes_no_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], on_the_way: bool
) -> None:
    expected = Inspected()
    for image in found(folder, on_the_way):
        result = inspection._inspect(image)
        if isinstance(result, inspection.Usable):
            expected.uris[image.sample_id], expected.digests[image.sample_id] = image.uri, result.digest
            expected.thumbnails[image.sample_id] = result.thumbnail
        else:
            expected.set_aside(image.sample_id, image.uri, str(result))
    monkeypatch.setattr(inspection, "cores", lambda: 2)
    used: list[str] = []
    for name in ("work_ahead", "work_by_processes"):
        monkeypatch.setattr(inspection, name, _noted(name, getattr(inspection, name), used))
    for name, value in limits.items():
        monkeypatch.setattr(inspection, name, value)
    inspected = inspect_images(found(folder, on_the_way), COUNT)
    assert inspected == expected
    assert [row["sample_id"] for row in inspected.quarantined] == ["100.png"]
    assert used == {(): [], ("MANY",): ["work_by_processes"], ("SMALL",): ["work_ahead"]}[tuple(limits)]


def _noted(name: str, function: Callable[..., object], used: list[str]) -> Callable[..., object]:
    def noting(*given: object) -> object:
        used.append(name)
        return function(*given)

    return noting


def test_nothing_is_nothing() -> None:
    assert inspect_images([], 0) == Inspected()
