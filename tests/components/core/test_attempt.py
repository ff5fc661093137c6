"""Attempts: what stages read and write through them."""

import pyarrow as pa
import pytest

from labelcycle.components.core.attempt import Attempt, Decision, open_attempt
from labelcycle.components.core.campaign import Campaign, create_campaign
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.objects import write_json
from labelcycle.components.core.schemas import CONSENSUS, LABELS
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tables import write_table


def labels(*rows: tuple[str, str | None, str]) -> pa.Table:
    columns = [[row[0] for row in rows], [row[1] for row in rows], *[[None] * len(rows)] * 2]
    return pa.table([*columns, ["a file"] * len(rows), [row[2] for row in rows]], schema=LABELS)


@pytest.fixture
def attempt(store: Store, campaign: Campaign) -> Attempt:
    """An attempt at cycle 2 with two batches of labels."""
    create_campaign(store, campaign)
    first = write_table(store, "labels/1.parquet", labels(("c", "cat", "ok"), ("a", "dog", "ok")))
    second = write_table(
        store, "labels/2.parquet", labels(("b", None, "skip"), ("d", None, "unsure"), ("e", "cat", "ok"))
    )
    consensus = write_table(
        store,
        "consensus/2.parquet",
        pa.table(
            {
                "sample_id": ["a", "b", "c", "d", "e"],
                "label": ["dog", None, "cat", None, "cat"],
                "votes": [1] * 5,
                "agreement": [1.0, None, 1.0, None, 1.0],
                "quality": [1.0, 0.0, 1.0, 0.0, 1.0],
                "status": ["ok", "skip", "ok", "unsure", "ok"],
            },
            schema=CONSENSUS,
        ),
    )
    decision = Decision(
        cycle=2,
        action="train",
        labels=[first, second],
        new_labels=second,
        consensus=consensus,
        labelled=3,
        answered=5,
        query_size=4,
        previous={"metrics": write_json(store, "cycles/1/x/metrics.json", {"accuracy": 0.5})},
        queries=[],
    )
    write_json(store, "cycles/2/one/decision.json", decision.model_dump(mode="json"))
    return open_attempt(store.root, 2, "one")


def test_what_is_written_is_read_back(attempt: Attempt) -> None:
    reference = attempt.write_json("facts.json", {"a": 1})
    assert reference.key == attempt.key("facts.json") == "cycles/2/one/facts.json"
    assert attempt.read_json("facts.json") == {"a": 1}
    assert attempt.read("facts.json") == attempt.store.read(reference.key)


def test_all_votes_are_sorted_by_id(attempt: Attempt) -> None:
    assert attempt.votes()["sample_id"].to_pylist() == ["a", "b", "c", "d", "e"]


def test_only_the_last_vote_of_a_person_is_in_force(attempt: Attempt) -> None:
    third = write_table(attempt.store, "labels/3.parquet", labels(("a", "cat", "ok"), ("c", None, "withdrawn")))
    decision = attempt.decision.model_copy(update={"labels": [*attempt.decision.labels, third]})
    votes = Attempt(attempt.store, attempt.campaign, 3, "x", decision).votes()
    assert votes["sample_id"].to_pylist() == ["a", "b", "d", "e"] and votes["label"][0].as_py() == "cat"


def test_skipped_and_unsure_answers_are_not_labelled(attempt: Attempt) -> None:
    assert list(attempt.labelled().items()) == [("a", "dog"), ("c", "cat"), ("e", "cat")]


def test_no_labels_yet(attempt: Attempt) -> None:
    nothing = attempt.decision.model_copy(update={"labels": [], "consensus": None})
    fresh = Attempt(attempt.store, attempt.campaign, 0, "x", nothing)
    assert fresh.votes().num_rows == fresh.consensus().num_rows == 0 and fresh.labelled() == {}


def test_objects_of_the_commit_before(attempt: Attempt) -> None:
    assert attempt.previous_json("metrics") == {"accuracy": 0.5}
    assert attempt.previous_json("head") is None


def test_an_object_that_is_missing_says_which_stage_to_run(attempt: Attempt) -> None:
    with pytest.raises(CampaignError, match="training.json is missing: its stage has not run"):
        attempt.read_json("training.json")


def test_an_attempt_that_does_not_exist(attempt: Attempt) -> None:
    with pytest.raises(CampaignError, match="No attempt 'two' at cycle 2 .* Run the label_ingest stage first"):
        open_attempt(attempt.store.root, 2, "two")


@pytest.mark.parametrize("content", [b"", b"{}", b"no json", b"[1]"])
def test_a_damaged_decision(attempt: Attempt, content: bytes) -> None:
    attempt.store.write("cycles/2/one/decision.json", content)
    with pytest.raises(CampaignError, match="is not a decision. Delete it and run label_ingest again"):
        open_attempt(attempt.store.root, 2, "one")


def test_labels_that_were_changed_are_refused(attempt: Attempt) -> None:
    attempt.store.write("labels/1.parquet", b"changed")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        attempt.votes()
    attempt.store.write("consensus/2.parquet", b"changed")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        attempt.labelled()
