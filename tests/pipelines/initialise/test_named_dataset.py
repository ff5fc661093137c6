"""`--images datasets:NAME`: what Hugging Face's `datasets` loads, and what is said where it cannot."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.pipelines.initialise.samples import Samples
from tests.pipelines.initialise.conftest import picture, table

Read = Callable[..., Samples]


def stream(path: Path, first: int, labels: list[int]) -> Path:
    """An Arrow stream with images as `datasets` keeps them in its cache."""
    images = [{"bytes": picture(first + number), "path": None} for number in range(len(labels))]
    rows = pa.table({"image": images, "label": labels})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows)
    return path


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, list[Path]] | Exception], list[object]]:
    """A function: files by split, or an error → a package `datasets` that loads them, and what it was asked for."""

    def put(found: Mapping[str, list[Path]] | Exception) -> list[object]:
        asked: list[object] = []

        def load_dataset(*given: object) -> dict[str, SimpleNamespace]:
            asked.append(given)
            if isinstance(found, Exception):
                raise found
            return {
                split: SimpleNamespace(cache_files=[{"filename": str(file)} for file in files])
                for split, files in found.items()
            }

        monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
        return asked

    return put


def test_its_splits_and_labels_are_read_from_the_cache(
    loads: Callable[..., list[object]], read: Read, tmp_path: Path
) -> None:
    train = [stream(tmp_path / "a.arrow", 0, [1, 0]), stream(tmp_path / "b.arrow", 2, [1])]
    asked = loads({"train": train, "test": [stream(tmp_path / "c.arrow", 3, [0])]})
    samples = read("datasets:owner/name:small")
    assert asked == [("owner/name", "small")]
    assert samples.labels == {
        "test/00000/0000000": "0",
        "train/00000/0000000": "1",
        "train/00000/0000001": "0",
        "train/00001/0000000": "1",
    }
    assert samples.splits == {"test/00000/0000000": "test"}
    assert samples.uris["train/00001/0000000"] == f"{tmp_path}/b.arrow#image:0"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            ConnectionError("No way to 'x' on the Hub.\nTry later."),
            "datasets cannot load 'x': No way to 'x' on the Hub. C",
        ),
        (ValueError(), "datasets cannot load 'x': ValueError. Correct the name, add a configuration"),
        ({"train": []}, "datasets keeps no files of it"),
    ],
)
def test_what_cannot_be_loaded(loads: Callable[..., list[object]], read: Read, found: object, said: str) -> None:
    loads(found)
    with pytest.raises(InputError, match=said):
        read("datasets:x")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigurationError, match=r"Install labelcycle\[datasets\]"):
        read("datasets:x")


def test_folders_of_classes_are_something_else(loads: Callable[..., list[object]], read: Read) -> None:
    assert loads({}) == []
    with pytest.raises(ConfigurationError, match="--folder-labels is about folders"):
        read("datasets:x", folder_labels=True)


def test_what_datasets_itself_loads(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder by its path, so that nothing is fetched."""
    pytest.importorskip("datasets", reason="needs labelcycle[datasets]")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "digits"
    folder.mkdir()
    images = [{"bytes": picture(number), "path": None} for number in range(3)]
    (folder / "train.parquet").write_bytes(table({"image": images, "label": ["b", "a", "b"]}))
    samples = read(f"datasets:{folder}")
    assert [*samples.labels.values()] == ["b", "a", "b"]
    assert all("#image:" in str(uri) for uri in samples.uris.values())
