"""Verification of rechecks: once a sample, and of a label that was asked for or known."""

import pytest

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.pipelines.verification.chain import check_rechecks

QUERIES = {cycle: ObjectReference(key=f"query {cycle}", sha256="") for cycle in range(3)}
FIRST, AGAIN = LabelRequest(0, "a", 1), LabelRequest(1, "a", 2, recheck=True)


@pytest.mark.parametrize(
    ("requests", "known", "found"),
    [
        ([FIRST, AGAIN], set(), []),
        ([AGAIN], {"a"}, []),
        ([AGAIN], set(), ["query 1"]),
        ([FIRST, AGAIN, LabelRequest(2, "a", 3, recheck=True)], set(), ["query 2"]),
        ([FIRST, AGAIN, LabelRequest(2, "a", 3)], set(), []),
    ],
)
def test_what_is_found(requests: list[LabelRequest], known: set[str], found: list[str]) -> None:
    assert [finding.place for finding in check_rechecks(requests, QUERIES, known)] == found
