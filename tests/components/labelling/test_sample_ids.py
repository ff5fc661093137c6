"""Names of samples: which can be ids, and that none of them leads anywhere."""

import pytest

from labelcycle.components.labelling.sample_ids import LONGEST_ID, SampleIds, fault_of_id


@pytest.mark.parametrize(
    "name", ["a.jpg", "sub/ä b.jpg", "../a.jpg", "/etc/passwd", "=1+1", "😀", "e\u0301", "x" * LONGEST_ID]
)
def test_good_ids(name: str) -> None:
    assert fault_of_id(name) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (" a", "a space"),
        ("a\t", "a space"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("a\x1b[31m", "control characters"),
        ("a\udce4", "not UTF-8"),
        ("x" * (LONGEST_ID + 1), "more than 4,096 characters"),
    ],
)
def test_ids_that_tables_would_lose_are_refused(name: str, fault: str) -> None:
    assert fault in str(fault_of_id(name))


POOL = {
    "cats/00.png": "/data/train/cats/00.png",
    "dogs/00.png": "/data/train/dogs/00.png",
    "dogs/01.png": "s3://bucket/train/dogs/01.png",
    "ü.png": "/data/train/ü.png",
    "e\u0301.png": "/data/train/e\u0301.png",
    "a\\b.png": "/data/train/a\\b.png",
    "0a1b2c3d-9.png": "/data/train/0a1b2c3d-9.png",
    "9.png": "/data/train/9.png",
}


@pytest.mark.parametrize(
    ("name", "sample_id"),
    [
        ("train/cats/00.png", "cats/00.png"),
        ("data/train/cats/00.png", "cats/00.png"),
        ("/train/cats/00.png", "cats/00.png"),
        ("bucket/train/dogs/01.png", "dogs/01.png"),
        ("cats\\00.png", "cats/00.png"),
        ("train\\dogs\\01.png", "dogs/01.png"),
        ("a\\b.png", "a\\b.png"),
        ("/data/local-files/?d=train/cats/00.png", "cats/00.png"),
        ("?d=train/cats/00.png", "cats/00.png"),
        ("?d=train%2Fcats%2F00.png", "cats/00.png"),
        ("https://host/bucket/train/dogs/01.png?X-Amz-Signature=1", "dogs/01.png"),
        ("http://host:8000/dogs/01.png", "dogs/01.png"),
        ("/data/upload/3/0a1b2c3d-01.png", "dogs/01.png"),
        ("0a1b2c3d-01.png", "dogs/01.png"),
        ("0a1b2c3d-9.png", "0a1b2c3d-9.png"),
        ("ffffffff-9.png", "9.png"),
        ("u\u0308.png", "ü.png"),
        ("train/u\u0308.png", "ü.png"),
        ("\u00e9.png", "e\u0301.png"),
        ("/data/train/\u00e9.png", "e\u0301.png"),
        ("\u00e9", "e\u0301.png"),
        ("00.png", None),
        ("ffffffff-00.png", None),
        ("val/cats/00.png", None),
        ("ain/cats/00.png", None),
        ("/home/ann/train/cats/00.png", None),
        ("C:\\train\\cats\\00.png", None),
        ("https://host/val/cats/00.png", None),
        ("http://[", None),
    ],
)
def test_ends_of_paths_links_and_uploads(name: str, sample_id: str | None) -> None:
    assert SampleIds(dict(POOL)).resolve(name) == sample_id


def test_what_is_the_end_of_two_paths_names_neither() -> None:
    ids = SampleIds({"1": "/x/photos/a.png", "2": "/y/photos/a.png", "3": "/y/photos/b.png"})
    assert [ids.resolve(name) for name in ("photos/a.png", "x/photos/a.png", "photos/b.png")] == [None, "1", "3"]


def test_ids_in_two_unicode_forms_are_told_apart_as_they_are_written() -> None:
    ids = SampleIds({"\u00e9.png": None, "e\u0301.png": None})
    assert [ids.resolve(name) for name in ("\u00e9.png", "e\u0301.png", "e\u0301")] == [
        "\u00e9.png",
        "e\u0301.png",
        None,
    ]


@pytest.mark.parametrize(
    "name", ["../a.png", "../../etc/passwd", "/etc/passwd", "a\x00.png", "", ".", "/", "x" * 100_000]
)
def test_names_that_lead_elsewhere_are_no_samples(name: str) -> None:
    assert SampleIds({"a.png": "/data/a.png", "sub/b.png": None}).resolve(name) is None
