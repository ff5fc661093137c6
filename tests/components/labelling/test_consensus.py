"""Consensus: majorities, disputes, and annotators weighed by how good they are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.labelling.consensus import consensus_of

CLASSES = ["cat", "dog", "owl"]


def votes(sample: str, *answers: str) -> list[Vote]:
    """One vote a person: a class, `skip` or `unsure`."""
    return [
        Vote(sample, f"person {number}", answer if answer in CLASSES else None, _status(answer), "", "")
        for number, answer in enumerate(answers)
    ]


def _status(answer: str) -> Any:
    return "ok" if answer in CLASSES else answer


@pytest.mark.parametrize(
    ("answers", "label", "agreement", "quality", "status"),
    [
        (["cat"], "cat", 1, 1, "ok"),
        (["cat", "cat", "dog"], "cat", 2 / 3, 2 / 3, "ok"),
        (["cat", "unsure"], "cat", 1, 0.5, "ok"),
        (["cat", "dog"], None, 0.5, 0.5, "disputed"),
        (["cat", "dog", "owl"], None, 1 / 3, 1 / 3, "disputed"),
        (["cat", "cat", "dog", "dog", "owl"], None, 0.4, 0.4, "disputed"),
        (["skip"], None, None, 0, "skip"),
        (["unsure", "skip"], None, None, 0, "unsure"),
        (["skip", "skip", "unsure"], None, None, 0, "skip"),
        (["skip", "skip", "owl"], "owl", 1, 1 / 3, "ok"),
    ],
)
def test_majorities(
    answers: list[str], label: str | None, agreement: float | None, quality: float, status: str
) -> None:
    [row] = consensus_of(votes("a", *answers), "majority", CLASSES, {}).to_pylist()
    assert (row["sample_id"], row["label"], row["votes"], row["status"]) == ("a", label, len(answers), status)
    assert row["quality"] == pytest.approx(quality) and row["agreement"] == (agreement and pytest.approx(agreement))


@pytest.mark.parametrize(
    ("first", "second", "label", "status"),
    [
        (["cat"], ["dog"], "dog", "ok"),
        (["cat"], ["cat"], "cat", "ok"),
        (["cat"], ["unsure"], "cat", "ok"),
        (["cat", "cat"], ["dog"], "cat", "ok"),
        (["cat", "cat"], ["dog", "dog"], "dog", "ok"),
        (["cat", "dog"], ["dog"], "dog", "ok"),
        (["cat", "owl"], ["dog", "unsure"], "dog", "ok"),
        (["cat"], ["dog", "owl"], None, "disputed"),
    ],
)
def test_the_second_answers_decide_where_there_are_as_many(
    first: list[str], second: list[str], label: str | None, status: str
) -> None:
    again = [replace(vote, annotator=f"{vote.annotator}, cycle 3") for vote in votes("a", *second)]
    cast = [*votes("a", *first), *again]
    [row] = consensus_of(cast, "majority", CLASSES, {}, {"a": 3}).to_pylist()
    assert (row["label"], row["status"]) == (label, status)
    [row] = consensus_of(cast[::-1], "majority", CLASSES, {}, {"a": 3}).to_pylist()
    assert row["label"] == label


def test_rows_are_sorted_whatever_the_order_of_votes() -> None:
    cast = [*votes("b", "cat", "dog", "dog"), *votes("a", "owl")]
    forwards, backwards = (consensus_of(order, "majority", CLASSES, {}) for order in (cast, cast[::-1]))
    assert forwards.equals(backwards) and forwards["sample_id"].to_pylist() == ["a", "b"]


def crowd(samples: int, seed: int) -> tuple[list[Vote], list[str], dict[str, Any]]:
    """Votes of a good and of two careless annotators, the truth, and a model that is right four times in five."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(3, size=samples)
    cast, probabilities = [], {}
    for number, right in enumerate(truth):
        name = f"sample {number:04d}"
        for person, skill in {"good": 0.97, "careless": 0.2, "hasty": 0.2}.items():
            answer = right if generator.random() < skill else generator.integers(3)
            cast.append(Vote(name, person, CLASSES[answer], "ok", "", ""))
        thought = right if generator.random() < 0.8 else generator.integers(3)
        probabilities[name] = np.where(np.arange(3) == thought, 0.8, 0.1).astype(np.float32)
    return cast, [CLASSES[right] for right in truth], probabilities


def right_share(table: Any, truth: list[str]) -> float:
    return float(np.mean([label == right for label, right in zip(table["label"].to_pylist(), truth, strict=True)]))


def test_crowdlab_trusts_the_good_annotator_and_the_model() -> None:
    cast, truth, probabilities = crowd(300, seed=0)
    by_majority = right_share(consensus_of(cast, "majority", CLASSES, {}), truth)
    weighed = consensus_of(cast, "crowdlab", CLASSES, probabilities)
    assert right_share(weighed, truth) > by_majority + 0.05
    quality = np.array(weighed["quality"].to_pylist())
    wrong = np.array([label != right for label, right in zip(weighed["label"].to_pylist(), truth, strict=True)])
    assert quality[wrong].mean() < quality[~wrong].mean()
    assert set(weighed["status"].to_pylist()) == {"ok"}


def test_crowdlab_does_not_depend_on_the_order_of_votes() -> None:
    cast, _, probabilities = crowd(50, seed=1)
    turned = dict(reversed(probabilities.items()))
    assert consensus_of(cast, "crowdlab", CLASSES, probabilities).equals(
        consensus_of(cast[::-1], "crowdlab", CLASSES, turned)
    )


def test_samples_that_no_model_knows_keep_their_majority() -> None:
    cast, _, probabilities = crowd(50, seed=2)
    cast += votes("cold", "cat", "dog")
    weighed = consensus_of(cast, "crowdlab", CLASSES, probabilities).to_pylist()
    assert weighed[0]["sample_id"] == "cold" and weighed[0]["status"] == "disputed"


def test_crowdlab_needs_samples_that_several_people_answered() -> None:
    cast = [*votes("a", "cat"), *votes("b", "dog", "skip")]
    probabilities = {name: np.array([0.1, 0.1, 0.8], np.float32) for name in "ab"}
    assert consensus_of(cast, "crowdlab", CLASSES, probabilities).equals(consensus_of(cast, "majority", CLASSES, {}))
