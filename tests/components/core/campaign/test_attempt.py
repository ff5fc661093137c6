"""Attempts: what stages read and write through them."""

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import KEY, Campaign, create_campaign
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import Record, sealed, write_json
from labelcycle.components.core.storage.tables import CONSENSUS, LABELS, write_table


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
    name = attempt_name(campaign, decision)
    write_json(store, f"cycles/2/{name}/decision.json", decision.model_dump(mode="json"))
    return open_attempt(store.root, 2, name)


def again(attempt: Attempt) -> Attempt:
    """The same attempt, as another process opens it."""
    return open_attempt(attempt.store.root, 2, attempt.name)


def test_what_is_written_is_read_back(attempt: Attempt) -> None:
    reference = attempt.write_json("some/facts.json", {"a": 1})
    assert reference.key == f"cycles/2/{attempt.name}/some/facts-{reference.sha256[:16]}.json"
    assert attempt.read_json("some/facts.json") == {"a": 1}
    assert attempt.read("some/facts.json") == attempt.store.read(reference.key)
    assert attempt.fetch("some/facts.json").read_bytes() == attempt.store.read(reference.key)


class Measured(Record):
    accuracy: float
    loss: float | None = None


def test_a_record_that_is_read_and_written_again_stays_as_it_was(attempt: Attempt) -> None:
    """Of earlier versions, which lacked a field, and of later ones, which have more."""
    written = attempt.write_json("measured.json", {"accuracy": 0.5, "later": [1, None, {"a": 0.1}]})
    record = attempt.read_record("measured.json", Measured)
    assert (record.accuracy, record.loss) == (0.5, None)
    assert attempt.write_record("measured.json", record) == written


def test_a_record_that_lacks_a_field_is_named(attempt: Attempt) -> None:
    attempt.write_json("measured.json", {"loss": 0.5})
    place = attempt.reference("measured.json").key
    with pytest.raises(CampaignError, match=f"{place} is damaged, .* accuracy: Field required. Delete .*results and"):
        attempt.read_record("measured.json", Measured)
    attempt.write("measured.json", b"{")
    with pytest.raises(CampaignError, match="is damaged, .* Invalid JSON"):
        attempt.read_record("measured.json", Measured)


def test_others_read_what_a_stage_has_recorded_and_nothing_before(attempt: Attempt) -> None:
    attempt.write_json("facts.json", {"a": 1})
    with pytest.raises(CampaignError, match="facts.json is missing: its stage has not run"):
        again(attempt).read_json("facts.json")
    assert not again(attempt).recorded("measure")
    assert attempt.record("measure")
    assert again(attempt).read_json("facts.json") == {"a": 1} and again(attempt).recorded("measure")


def test_the_first_run_of_a_stage_is_the_one_that_counts(attempt: Attempt) -> None:
    first, second = again(attempt), again(attempt)
    for number, run in enumerate((first, second)):
        run.write_json("a.json", {"run": number})
        run.write_json("b.json", {"run": number})
    assert first.record("measure") and not second.record("measure")
    for run in (first, second, again(attempt)):
        assert [run.read_json(name)["run"] for name in ("a.json", "b.json")] == [0, 0]


def test_a_stage_that_is_run_again_with_the_same_result_is_its_own_winner(attempt: Attempt) -> None:
    for run in (again(attempt), again(attempt)):
        run.write_json("a.json", {})
        assert run.record("measure")


def test_only_the_main_one_of_several_processes_writes(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    before = attempt.store.keys("")
    attempt.write_json("a.json", {})
    assert attempt.record("measure")
    assert attempt.store.keys("") == before


def test_results_that_were_changed_are_refused_and_the_stage_has_not_run(attempt: Attempt) -> None:
    reference = attempt.write_json("a.json", {"right": True})
    attempt.record("measure")
    attempt.store.write(reference.key, b'{"right": false}')
    assert not again(attempt).recorded("measure")
    for read in (again(attempt).read_json, again(attempt).fetch):
        with pytest.raises(CampaignError, match="was changed after it was written .* Delete .*results and run again"):
            read("a.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", sealed({}), sealed({"objects": {"a.json": 3}})])
def test_a_damaged_record_is_named(attempt: Attempt, content: bytes) -> None:
    attempt.write_json("a.json", {})
    attempt.record("measure")
    attempt.store.write(attempt.key("results/measure.json"), content)
    assert not again(attempt).recorded("measure")
    with pytest.raises(CampaignError, match="measure.json is not the record of a stage.* Delete it and run again"):
        again(attempt).read_json("a.json")


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
    nothing = attempt.decision.model_copy(update={"labels": [], "new_labels": None, "consensus": None})
    fresh = Attempt(attempt.store, attempt.campaign, 0, "x", nothing)
    assert fresh.votes().num_rows == fresh.consensus().num_rows == 0 and fresh.labelled() == {}


def test_objects_of_the_commit_before(attempt: Attempt) -> None:
    found = attempt.previous_record("metrics", Measured)
    assert found is not None and found.accuracy == 0.5
    assert attempt.previous_record("head", Measured) is None


def test_an_object_that_is_missing_says_which_stage_to_run(attempt: Attempt) -> None:
    with pytest.raises(CampaignError, match="training.json is missing: its stage has not run"):
        attempt.read_json("training.json")


def test_an_attempt_that_does_not_exist(attempt: Attempt) -> None:
    with pytest.raises(CampaignError, match="No attempt 'two' at cycle 2 .* Run the label_ingest stage first"):
        open_attempt(attempt.store.root, 2, "two")


@pytest.mark.parametrize("content", [b"", b"{}", b"no json", b"[1]"])
def test_a_damaged_decision(attempt: Attempt, content: bytes) -> None:
    attempt.store.write(attempt.key("decision.json"), content)
    with pytest.raises(CampaignError, match="is not a decision. Delete it and run label_ingest again"):
        again(attempt)


def test_a_decision_that_was_changed_is_refused(attempt: Attempt) -> None:
    content = attempt.store.read(attempt.key("decision.json"))
    attempt.store.write(attempt.key("decision.json"), content.replace(b'"query_size": 4', b'"query_size": 5'))
    with pytest.raises(CampaignError, match="is not the decision of attempt"):
        again(attempt)


def test_an_attempt_of_another_campaign_is_refused(attempt: Attempt) -> None:
    attempt.store.write(KEY, attempt.campaign.model_copy(update={"seed": attempt.campaign.seed + 1}).as_bytes())
    with pytest.raises(CampaignError, match="of this campaign: one of the two was changed"):
        again(attempt)


def test_labels_that_were_changed_are_refused(attempt: Attempt) -> None:
    attempt.store.write("labels/1.parquet", b"changed")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        attempt.votes()
    attempt.store.write("consensus/2.parquet", b"changed")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        attempt.labelled()
