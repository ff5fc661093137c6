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


@pytest.mark.parametrize(
    "name", ["../a.png", "../../etc/passwd", "/etc/passwd", "a\x00.png", "", ".", "/", "x" * 100_000]
)
def test_names_that_lead_elsewhere_are_no_samples(name: str) -> None:
    assert SampleIds({"a.png": "/data/a.png", "sub/b.png": None}).resolve(name) is None
