"""Files of embeddings: npz and Parquet."""

import io
import zipfile
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from tests.harness.fuzz import parquet_mutation
from tests.harness.fuzz.target import Target, file_reader

IDS = np.array(["a", "b", "ä"])
FEATURES = np.arange(6, dtype=np.float32).reshape(3, 2)


def _read(path: str) -> None:
    samples = samples_from_embeddings(path)
    pa.array(list(samples.uris), pa.string())
    pa.array(list(samples.labels.values()), pa.string())


def _npz(compressed: bool = True, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def odd_arrays() -> list[Any]:
    """Arrays that are valid, and yet not what is expected."""
    return [
        IDS,
        FEATURES,
        np.array("a"),
        np.array(3),
        np.array([]),
        np.empty((0, 4), np.float32),
        np.empty((3, 0), np.float32),
        np.array([b"a", b"\xff\xfe", b"c"]),
        np.array([1, 2, 3]),
        np.array([0, 1, 0], np.uint64),
        np.array([-1, 2**62, 0]),
        np.array([[0], [1], [0]]),
        np.array(["a", "a", ""]),
        np.array(["a\ud800", "b\n", " c "]),
        np.frombuffer(b"\xff\xff\xff\x7f" * 3, "<U1"),
        np.array(["x" * 100_000] * 3),
        np.array([1.5, np.nan, np.inf]),
        np.array([True, False, True]),
        np.array(["2024-01-05"] * 3, "datetime64[D]"),
        np.array([(1, 2.0)] * 3, [("a", "i4"), ("b", "f4")]),
        FEATURES.astype(np.float64) * 1e300,
        FEATURES.astype(np.longdouble),
        FEATURES.astype(np.complex64),
        FEATURES.astype(">f4"),
        np.asfortranarray(FEATURES),
        FEATURES * np.nan,
        np.zeros((3, 2, 2), np.float16),
        np.array(["pool", "val", "test"]),
        np.array(["train", "", "test"]),
        np.array(["cat", "dog"]),
    ]


ODD = odd_arrays()


def _array_bytes(random: Random) -> bytes:
    """An .npy file whose header says something that its content does not keep."""
    shape = random.choice(
        ("(3,)", "(10**9,)", "(-1,)", "(1000000000000, 2)", "()", "(3, 0)", "(2**70,)", "(3,2)", "((((3,))))")
    )
    kind = random.choice(
        ("'<f4'", "'|O'", "'<U3'", "'<U999999999'", "'|S0'", "'<m8[ns]'", "'<f16'", "[('a','<f4')]", "'|V0'", "x")
    )
    text = "{'descr': %s, 'fortran_order': False, 'shape': %s, }\n" % (kind, shape)  # noqa: UP031
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + b"\0" * random.choice((0, 8, 24))


def _npz_mutation(data: bytes, random: Random) -> bytes:
    arrays: dict[str, Any] = {
        "ids": IDS,
        "features": FEATURES,
        "labels": np.array([0, 1, 0]),
        "classes": np.array(["cat", "dog"]),
    }
    arrays["splits"] = np.array(["pool", "val", "test"])
    for _ in range(random.choice((1, 2, 3))):
        name = random.choice(list(arrays) or ["ids"])
        if random.randrange(5) == 0:
            arrays.pop(name, None)
        else:
            arrays[name] = random.choice(ODD)
    if random.randrange(3):
        return _npz(random.randrange(2) == 0, **arrays)
    buffer = io.BytesIO(_npz(**arrays))
    with zipfile.ZipFile(buffer, "a", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        archive.writestr(
            random.choice(("ids2.npy", "../x.npy", "features", "x" * 300 + ".npy", "extra.npy")), _array_bytes(random)
        )
        if random.randrange(2):
            archive.writestr("features2.npy", b"\0" * 100)
    content = buffer.getvalue()
    return content.replace(b"ids2.npy", b"ids.npy\0") if random.randrange(3) == 0 else content


def _hostile(random: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("ids.npy", "features.npy"):
            archive.writestr(name, _array_bytes(random))
    return buffer.getvalue()


def _mutation(data: bytes, random: Random) -> bytes:
    return _hostile(random) if random.randrange(4) == 0 else _npz_mutation(data, random)


TABLE = pa.table(
    {
        "sample_id": ["a", "b", "c"],
        "feature": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        "label": ["cat", "dog", None],
        "split": ["pool", "val", "test"],
    }
)

TARGETS = [
    Target(
        "embeddings-npz",
        file_reader(_read, ".npz"),
        (
            _npz(ids=IDS, features=FEATURES),
            _npz(False, ids=IDS, features=FEATURES, labels=np.array(["cat", "dog", "cat"])),
        ),
        _mutation,
    ),
    Target(
        "embeddings-parquet",
        file_reader(_read, ".parquet"),
        (parquet_mutation.table_bytes(TABLE), parquet_mutation.table_bytes(TABLE, compression="zstd")),
        parquet_mutation.parquet_mutation(TABLE.column_names),
    ),
]
