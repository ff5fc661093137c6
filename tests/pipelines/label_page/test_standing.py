"""How the work stands where labels are asked for again."""

from types import SimpleNamespace
from typing import Any

import pytest

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.pipelines.label_page.answer_sheet import PersonsAnswer
from labelcycle.pipelines.label_page.standing import Standing, standing

RECHECK = LabelRequest(3, "a.png", 2, recheck=True)


def stands(annotator: str, voters: set[str], *answers: str, quorum: int = 1) -> Standing:
    """A recheck of cycle 3, of a sample that these people voted on, and what they have answered to it."""
    queries: Any = SimpleNamespace(
        campaign=SimpleNamespace(labelling=SimpleNamespace(quorum=quorum)),
        asked=[RECHECK],
        voters={"a.png": voters},
        labels={},
    )
    sheet: Any = SimpleNamespace(answers={"a.png": [PersonsAnswer("cat", "ok", name, "") for name in answers]})
    return standing(queries, {3: sheet}, annotator)


@pytest.mark.parametrize("annotator", ["", "Ann"])
@pytest.mark.parametrize("others", [set(), {"bob"}])
def test_who_answered_first_is_asked_again_once(annotator: str, others: set[str]) -> None:
    before = stands(annotator, {annotator.lower(), *others})
    assert before.waiting == before.lacking == [RECHECK] and before.mine == []
    after = stands(annotator, {annotator.lower(), *others}, annotator)
    assert after.waiting == after.lacking == [] and len(after.mine) == 1


def test_a_quorum_is_asked_again() -> None:
    half = stands("ann", {"ann", "bob"}, "ann", quorum=2)
    assert half.lacking == [RECHECK] and half.waiting == []
    assert stands("bob", {"ann", "bob"}, "ann", quorum=2).waiting == [RECHECK]
    assert stands("bob", {"ann", "bob", "ann, cycle 3", "bob, cycle 3"}, quorum=2).lacking == []
