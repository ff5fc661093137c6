"""Figures of the people who label."""

from labelcycle.components.core.campaign.label_quality import Annotator
from labelcycle.components.core.campaign.votes import Status, Vote
from labelcycle.components.evaluate.annotators import MOST_PAIRS, annotator_figures


def vote(sample: str, annotator: str, label: str | None, status: Status = "ok") -> Vote:
    return Vote(sample, annotator, label, status, "", "tool")


VOTES = [
    vote("one", "mara", "crow"),
    vote("one", "noor", "crow"),
    vote("one", "olu", "gull"),
    vote("two", "mara", "gull"),
    vote("two", "noor", "crow"),
    vote("three", "mara", "crow"),
    vote("four", "mara", None, "skip"),
    vote("four", "noor", None, "unsure"),
]
LABELS = {"one": "crow", "three": "crow"}
PREDICTED = {"one": "gull", "two": "gull", "four": "gull"}


def person(name: str) -> Annotator:
    (found,) = [row for row in annotator_figures(VOTES, LABELS, PREDICTED).people if row.annotator == name]
    return found


def test_each_person_is_compared_with_the_label_where_others_voted_too() -> None:
    assert person("mara").as_json() == {
        "annotator": "mara",
        "votes": 4,
        "classes": 3,
        "skips": 1,
        "unsure": 0,
        "compared": 1,
        "agreement": 1.0,
        "predicted": 2,
        "model_agreement": 0.5,
    }
    assert (person("olu").agreement, person("olu").model_agreement) == (0.0, 1.0)
    assert (person("noor").unsure, person("noor").compared) == (1, 1)


def test_all_together_and_pair_by_pair() -> None:
    found = annotator_figures(VOTES, LABELS, PREDICTED)
    assert (found.votes, found.samples, found.several) == (8, 3, 2)
    assert found.alpha is not None and found.alpha < 0.5
    assert [pair.as_json() for pair in found.pairs] == [
        {"first": "mara", "second": "noor", "shared": 2, "agreement": 0.5},
        {"first": "mara", "second": "olu", "shared": 1, "agreement": 0.0},
        {"first": "noor", "second": "olu", "shared": 1, "agreement": 0.0},
    ]


def test_the_order_of_votes_does_not_matter() -> None:
    assert annotator_figures(VOTES[::-1], LABELS, PREDICTED) == annotator_figures(VOTES, LABELS, PREDICTED)


def test_one_vote_a_sample_says_nothing_about_agreement() -> None:
    votes = [vote("one", "", "crow"), vote("two", "", "gull")]
    found = annotator_figures(votes, {"one": "crow", "two": "gull"}, {})
    assert (found.several, found.alpha, found.pairs) == (0, None, [])
    assert [(row.agreement, row.model_agreement) for row in found.people] == [(None, None)]


def test_no_votes_at_all() -> None:
    assert annotator_figures([], {}, {}).people == []


def test_the_list_of_pairs_is_bounded() -> None:
    crowd = [vote("one", f"person-{number:02d}", "crow") for number in range(20)]
    assert len(annotator_figures(crowd, {}, {}).pairs) == MOST_PAIRS
