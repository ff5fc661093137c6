"""Embeddings in Parquet and npz: what is read, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings

IDS = ["c", "a", "b"]
FEATURES = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
SORTED = [[3.0, 4.0], [5.0, 6.0], [1.0, 2.0]]


def write_parquet(path: Path, **changes: Any) -> str:
    columns = {"sample_id": pa.array(IDS), "feature": pa.array(FEATURES.tolist())}
    pq.write_table(pa.table({name: value for name, value in (columns | changes).items() if value is not None}), path)
    return str(path)


@pytest.mark.parametrize("value", [pa.float16(), pa.float32(), pa.float64()], ids=str)
@pytest.mark.parametrize("kind", ["list", "large list", "fixed-size list"])
def test_parquet_lists_of_any_kind(tmp_path: Path, value: pa.DataType, kind: str) -> None:
    numbers = pa.array(FEATURES.flatten().astype(value.to_pandas_dtype()), value)
    column = {
        "list": lambda: pa.ListArray.from_arrays([0, 2, 4, 6], numbers),
        "large list": lambda: pa.LargeListArray.from_arrays([0, 2, 4, 6], numbers),
        "fixed-size list": lambda: pa.FixedSizeListArray.from_arrays(numbers, 2),
    }[kind]()
    samples = samples_from_embeddings(write_parquet(tmp_path / "e.parquet", feature=column))
    assert list(samples.uris) == ["a", "b", "c"]
    assert samples.features is not None and samples.features.dtype == np.float16
    assert samples.features.tolist() == SORTED


def test_parquet_in_row_groups(tmp_path: Path) -> None:
    table = pa.table({"sample_id": IDS, "feature": FEATURES.tolist()})
    pq.write_table(table, tmp_path / "e.parquet", row_group_size=1)
    samples = samples_from_embeddings(str(tmp_path / "e.parquet"))
    assert samples.features is not None and samples.features.tolist() == SORTED


def test_parquet_labels_and_splits_may_have_gaps(tmp_path: Path) -> None:
    labels, splits = pa.array(["cat", None, "dog"]), pa.array([None, "test", "pool"])
    samples = samples_from_embeddings(write_parquet(tmp_path / "e.parquet", label=labels, split=splits))
    assert samples.labels == {"c": "cat", "b": "dog"}
    assert samples.splits == {"a": "test", "b": "pool"}


@pytest.mark.parametrize("value", [np.float16, np.float32, np.float64])
def test_npz_of_any_precision(write_npz: Callable[..., str], value: type) -> None:
    samples = samples_from_embeddings(write_npz(features=np.ones((6, 4), value)))
    assert samples.features is not None and samples.features.dtype == np.float16
    assert samples.labels["sample-1"] == "dog" and samples.splits["sample-2"] == "val"


def test_npz_labels_as_numbers_into_classes(write_npz: Callable[..., str]) -> None:
    path = write_npz(labels=np.array([1, 0, 1, 0, 1, 0]), classes=np.array(["cat", "dog"]))
    assert samples_from_embeddings(path).labels == {
        f"sample-{number}": ("dog", "cat")[number % 2] for number in range(6)
    }


def test_npz_labels_that_mean_none(write_npz: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    floats = np.array([0, np.nan, 1, np.nan, 1, 0])
    assert samples_from_embeddings(write_npz(labels=floats)).labels == {
        "sample-0": "0.0",
        "sample-2": "1.0",
        "sample-4": "1.0",
        "sample-5": "0.0",
    }
    assert "embeddings.npz: 2 of 6 rows are not labelled: 2 empty." in capsys.readouterr().err
    path = write_npz(labels=np.array([0, -1, 1, 1, 1, -1]))
    assert list(samples_from_embeddings(path).labels.values()) == ["0", "1", "1", "1"]
    assert "2 of 6 rows are not labelled: 2 '-1'. If that is a class" in capsys.readouterr().err
    assert samples_from_embeddings(path, classes=["-1", "0", "1"]).labels["sample-1"] == "-1"
    named = write_npz(labels=np.array([0, -1, 1, 1, 1, -1]), classes=np.array(["cat", "dog"]))
    assert list(samples_from_embeddings(named).labels.values()) == ["cat", "dog", "dog", "dog"]


def test_npz_labels_as_numbers_alone_are_names(write_npz: Callable[..., str]) -> None:
    assert samples_from_embeddings(write_npz(labels=np.array([7, 8] * 3))).labels["sample-0"] == "7"


def test_npz_texts_as_bytes(write_npz: Callable[..., str]) -> None:
    samples = samples_from_embeddings(write_npz(ids=np.array([b"a", b"b", b"c", b"d", b"e", b"f"])))
    assert list(samples.uris) == list("abcdef")


def test_ids_alone_are_enough(write_npz: Callable[..., str]) -> None:
    samples = samples_from_embeddings(write_npz(labels=None, splits=None))
    assert (samples.labels, samples.splits, len(samples.uris)) == ({}, {}, 6)


def test_order_of_rows_does_not_matter(write_npz: Callable[..., str], tmp_path: Path) -> None:
    first = samples_from_embeddings(write_npz())
    content = dict(np.load(tmp_path / "embeddings.npz"))
    second = samples_from_embeddings(write_npz(**{name: array[::-1] for name, array in content.items()}))
    assert first.uris == second.uris and first.labels == second.labels
    assert np.array_equal(first.features, second.features)  # type: ignore[arg-type]


def test_from_s3(s3_root: str, write_npz: Callable[..., str]) -> None:
    path = write_npz()
    open_store(s3_root).write("team/embeddings.npz", Path(path).read_bytes())
    assert samples_from_embeddings(f"{s3_root}/team/embeddings.npz").labels == samples_from_embeddings(path).labels


def one(row: int, value: float) -> Any:
    features = np.ones((6, 4), np.float32)
    features[row, 1] = value
    return features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.array(["a", "b", "c", "a", "d", "e"])}, "id 'a' appears in rows 1 and 4"),
        ({"ids": np.array(["a", "", "c", "d", "e", "f"])}, "row 2 has no id"),
        ({"ids": np.array([], str), "features": np.empty((0, 4)), "labels": None, "splits": None}, "holds no samples"),
        ({"features": one(2, np.nan)}, "1 feature vectors hold NaN.*'sample-2'"),
        ({"features": one(3, np.inf)}, "1 feature vectors hold .*infinite.*'sample-3'"),
        ({"features": one(4, 1e6)}, "beyond ±65504 .*'sample-4'"),
        ({"features": np.ones((6, 4), np.int64)}, "type int64"),
        ({"features": np.ones(6)}, r"shape \(6,\)"),
        ({"features": np.ones((5, 4))}, r"shape \(5, 4\)"),
        ({"features": np.ones((6, 0))}, r"shape \(6, 0\)"),
        ({"features": np.array([[1.0]] * 6, dtype=object)}, "cannot be read as npz"),
        ({"features": None}, "lacks features; it holds ids, labels, splits"),
        ({"ids": None}, "lacks ids"),
        ({"ids": np.array([["a", "b"]] * 6)}, "`ids`"),
        ({"labels": np.array(["cat"] * 5)}, "`labels`"),
        ({"labels": np.array(["cat"] * 7)}, "`labels`"),
        ({"splits": np.array(["pool"] * 5)}, "`splits`"),
        ({"splits": np.array(["train"] * 6)}, "split 'train' is not one of pool, val, test"),
        ({"labels": np.array([0, 1, 2] * 2), "classes": np.array(["cat", "dog"])}, "an index outside `classes`"),
        ({"labels": np.array([0, -2, 1] * 2), "classes": np.array(["cat", "dog"])}, "an index outside `classes`"),
    ],
    ids=[
        "duplicate id",
        "empty id",
        "nothing",
        "NaN",
        "infinite",
        "beyond float16",
        "whole numbers",
        "one dimension",
        "too few vectors",
        "no columns",
        "objects",
        "no features",
        "no ids",
        "ids in two dimensions",
        "too few labels",
        "too many labels",
        "too few splits",
        "unknown split",
        "label above classes",
        "label below classes",
    ],
)
def test_wrong_npz_is_refused(write_npz: Callable[..., str], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        samples_from_embeddings(write_npz(**changes))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("ids", "ids.astype(str)"),
        ("labels", "labels.astype(str)"),
        ("splits", "splits.astype(str)"),
        ("features", 'features.astype("float32")'),
    ],
)
def test_arrays_of_objects_are_refused_with_the_remedy(write_npz: Callable[..., str], name: str, remedy: str) -> None:
    array = np.load(write_npz())[name]
    with pytest.raises(InputError) as raised:
        samples_from_embeddings(write_npz(**{name: array.astype(object)}))
    assert f"`{name}` has the type object, whose values are pickled" in str(raised.value)
    assert f"save `{remedy}`" in str(raised.value)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    np.savez(tmp_path / "e.npz", ids=np.array([Bomb()], dtype=object), features=np.ones((1, 2)))
    with pytest.raises(InputError, match="cannot be read as npz"):
        samples_from_embeddings(str(tmp_path / "e.npz"))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature": pa.array([[1.0, 2.0], [1.0], [1.0, 2.0]])}, r"of one length; found \[1, 2\]"),
        ({"feature": pa.array([[1.0, 2.0], None, [1.0, 2.0]])}, "must all be there"),
        ({"feature": pa.array([[1.0, None], [1.0, 2.0], [1.0, 2.0]])}, "NaN"),
        ({"feature": pa.array([1.0, 2.0, 3.0])}, "holds double; it must hold lists of numbers"),
        ({"feature": pa.array([["x"], ["y"], ["z"]])}, "expected 3 feature vectors of floating-point numbers"),
        ({"feature": None}, "lacks feature; it holds sample_id"),
        ({"sample_id": pa.array(["a", None, "b"])}, "row 2 has no id"),
        ({"sample_id": pa.array(["a", "b", "b"])}, "id 'b' appears in rows 2 and 3"),
        ({"split": pa.array(["pool", "valid", "test"])}, "split 'valid'"),
    ],
    ids=["lengths", "null vector", "null number", "numbers", "texts", "no feature", "no id", "duplicate", "split"],
)
def test_wrong_parquet_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        samples_from_embeddings(write_parquet(tmp_path / "e.parquet", **changes))


def damaged_npz(path: Path) -> bytes:
    np.savez(path, ids=np.array(["a"]), features=np.ones((1, 400)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize("kind", ["e.npz", "e.parquet"])
@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "changed"])
def test_damaged_files_are_refused(tmp_path: Path, kind: str, damage: str) -> None:
    path = tmp_path / kind
    if kind == "e.npz":
        whole = damaged_npz(path)
    else:
        write_parquet(path)
        whole = b"PAR1" + b"\xff" * 50 + path.read_bytes()[54:]
    path.write_bytes({"empty": b"", "text": b"some text", "truncated": whole[:30], "changed": whole}[damage])
    with pytest.raises(InputError, match="cannot be read as"):
        samples_from_embeddings(str(path))


def test_an_array_that_calls_itself_npz_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "e.npz").open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(InputError, match="cannot be read as npz"):
        samples_from_embeddings(str(tmp_path / "e.npz"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("a,b")
    with pytest.raises(InputError, match="embeddings are read from .parquet or .npz"):
        samples_from_embeddings(str(tmp_path / "e.csv"))
    with pytest.raises(InputError, match="There is no embeddings file"):
        samples_from_embeddings(str(tmp_path / "missing.npz"))
