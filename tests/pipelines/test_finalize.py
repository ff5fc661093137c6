"""The final model: what it is trained with and on, and that a campaign has at most one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object

TRAINER = {"epochs": 1, "batch_size": 12, "learning_rate": 1e-4, "head_learning_rate": 0.1}
FINAL = {
    "final.trainer": {"name": "lp_ft", "probe_epochs": 2, **TRAINER},
    "final.aligned": {"name": "ft", **TRAINER, "epochs": 2},
}


@pytest.fixture
def begin_final(begin_on_small_network: Callable[..., Any]) -> Callable[..., Any]:
    """A function: settings → a campaign of two cycles on frozen features, with a final training of its own."""

    def begun(root: str | None = None, **settings: Any) -> Any:
        overrides = FINAL | settings.pop("overrides", {})
        chosen = {"recipe": "linear_probe", "budget": 16, "overrides": overrides, **settings}
        return begin_on_small_network(root, **chosen)

    return begun


def spend(campaign: Any) -> Any:
    while campaign.state.phase != "done":
        campaign.run_cycle()
    return campaign


def committed(campaign: Any, name: str, cycle: int = -1) -> Any:
    return json.loads(read_object(open_store(campaign.root), campaign.state.commits[cycle].objects[name]))


def pretend_an_update(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the decision of every cycle be to recompute features."""
    from labelcycle.components.train_adapter.alignment import aligned_training

    real = aligned_training.decide

    def decide(*args: Any, **kwargs: Any) -> Any:
        return real(*args, **kwargs).model_copy(update={"update": True, "updates": 1})

    monkeypatch.setattr(aligned_training, "decide", decide)


def test_the_final_model_is_one_more_cycle(begin_final: Callable[..., Any]) -> None:
    campaign = spend(begin_final())
    learned = campaign.state.trained
    base = campaign.state.campaign.base_space
    facts = campaign.run_cycle(finalize=True)
    state = campaign.state
    assert (facts.cycle, facts.labels, facts.query_size, facts.handout) == (3, 16, 0, "")
    assert state.final is not None and (state.final.cycle, state.final.accuracy) == (3, facts.accuracy)
    assert (state.phase, state.why_done) == ("done", "the campaign was finalized with 16 of 16 labels")
    assert [summary.cycle for summary in state.trained] == [summary.cycle for summary in learned] == [1, 2]
    training = committed(campaign, "training")
    assert (training["trainer"], training["epochs"], training["learning_rate"]) == ("lp_ft", 1, 1e-4)
    assert training["settings"] == "final.trainer"
    assert training["labelled"] == 16 and state.final.space not in (None, base)
    assert {"head", "backbone", "report", "query", "metrics"} <= state.commits[3].objects.keys()
    assert "labels" not in state.commits[3].objects


def test_only_what_measures_it_is_embedded(begin_final: Callable[..., Any]) -> None:
    campaign = spend(begin_final())
    campaign.ingest(finalize=True)
    assert campaign.run("embed base").kept == 0
    campaign.run("train_adapter")
    assert campaign.run("embed tuned").embedded == 12


def test_after_an_update_it_is_trained_by_the_other_trainer(
    begin_final: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alignment = {"max_updates": 1, "trainer": TRAINER}
    campaign = begin_final(overrides={"alignment": alignment})
    pretend_an_update(campaign, monkeypatch)
    spend(campaign)
    assert "backbone" in campaign.state.commits[-1].objects
    campaign.run_cycle(finalize=True)
    training = committed(campaign, "training")
    assert (training["trainer"], training["epochs"], training["settings"]) == ("ft", 2, "final.aligned")
    assert "alignment" not in campaign.state.commits[-1].objects


def test_without_an_update_it_is_trained_by_the_first_one(begin_final: Callable[..., Any]) -> None:
    campaign = spend(begin_final(overrides={"alignment": {"threshold": 1e-9, "trainer": TRAINER}}))
    campaign.run_cycle(finalize=True)
    assert committed(campaign, "training")["trainer"] == "lp_ft"


@pytest.mark.parametrize("warm_start", [True, False])
def test_nothing_is_taken_over_from_a_cycle(
    begin_final: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, warm_start: bool
) -> None:
    from labelcycle.components.train_adapter import fine_tuning

    given: list[Any] = []
    real = fine_tuning.fine_tune
    monkeypatch.setattr(fine_tuning, "fine_tune", lambda *args, **more: given.append(args) or real(*args, **more))
    overrides = {"alignment": {"trainer": TRAINER}, "schedule.warm_start": warm_start}
    campaign = begin_final(overrides=overrides)
    pretend_an_update(campaign, monkeypatch)
    spend(campaign)
    campaign.run_cycle(finalize=True)
    work, backbone, trainer, labelled, _, _, *head = given[-1]
    assert backbone == work.campaign.backbone and head in ([], [None])
    assert trainer.name == "ft" and len(labelled) == 16


@pytest.mark.parametrize(("trainer", "updated"), [("final.trainer", False), ("final.aligned", True)])
def test_divergence_names_the_settings_of_the_final_model(
    begin_final: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, trainer: str, updated: bool
) -> None:
    alignment = {"threshold": 1e-9, "trainer": TRAINER}
    diverging = {"final.trainer": {**FINAL["final.trainer"], "learning_rate": 1e20, "epochs": 3}}
    diverging["final.aligned"] = {**FINAL["final.aligned"], "learning_rate": 1e20, "epochs": 3}
    campaign = begin_final(overrides={"alignment": alignment, **diverging})
    if updated:
        pretend_an_update(campaign, monkeypatch)
    spend(campaign)
    with pytest.raises(ConfigurationError, match=rf"diverged.* with {trainer}\.learning_rate=1e\+20"):
        campaign.run_until("train_adapter", finalize=True)


def test_again_and_killed_it_comes_to_the_same(begin_final: Callable[..., Any]) -> None:
    campaign = spend(begin_final())
    campaign.run_until("evaluate", finalize=True)
    half_way = campaign.files()
    attempt = campaign.attempt
    campaign.run_cycle(finalize=True)
    assert campaign.attempt == attempt and half_way.items() <= campaign.files().items()
    after = campaign.files()
    for finalize in (True, False):
        again = campaign.ingest(finalize=finalize)
        assert (again.decision, again.reason) == ("done", "the campaign was finalized with 16 of 16 labels")
    assert campaign.files() == after


def test_ending_early_trains_on_the_answers_that_are_there(begin_final: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin_final(budget=40)
    campaign.run_cycle()
    campaign.run_cycle()
    query = campaign.state.summaries[-1].query_size
    assert query == 8 and campaign.state.phase == "labelling"
    facts = campaign.ingest(finalize=True)
    assert (facts.decision, facts.final) == ("train", True)
    decision = campaign.work.decision
    assert (decision.action, decision.labelled, decision.answered, decision.query_size) == ("finalize", 16, 16, 0)
    handed_out = Path(campaign.root) / "queries/cycle-0001.csv"
    lines = handed_out.read_text().splitlines()
    one = tmp_path / "one.csv"
    one.write_text("sample_id,label\n" + lines[1].split(",")[0] + ",red\n")
    campaign.ingest(str(one), finalize=True)
    assert (campaign.work.decision.labelled, campaign.work.decision.answered) == (9, 9)
    none = tmp_path / "none.csv"
    none.write_text("sample_id,label\n")
    campaign.ingest(str(none), finalize=True)
    assert campaign.work.decision.new_labels is None and campaign.work.decision.labelled == 8
    campaign.run_cycle(finalize=True)
    assert campaign.state.phase == "done" and campaign.ingest().decision == "done"


def test_without_a_final_training_nothing_is_done(begin: Callable[..., Any]) -> None:
    campaign = spend(begin())
    before = campaign.files()
    facts = campaign.ingest(finalize=True)
    assert facts.decision == "done" and "the model of the last cycle is the final one" in facts.reason
    assert campaign.files() == before


def test_embeddings_have_no_final_model(begin: Callable[..., Any]) -> None:
    campaign = spend(begin(overrides=FINAL))
    with pytest.raises(ConfigurationError, match="needs images, but this campaign has embeddings only"):
        campaign.ingest(finalize=True)


def test_without_a_trained_cycle_there_is_nothing_to_finalize(begin_final: Callable[..., Any]) -> None:
    campaign = begin_final()
    campaign.run_cycle()
    with pytest.raises(ConfigurationError, match="no trained cycle yet"):
        campaign.ingest(finalize=True)


def test_the_command(begin_on_images: Callable[..., Any], labelcycle: Callable[..., Any], mlflow: Path) -> None:
    campaign = begin_on_images(recipe="linear_probe", budget=24, overrides=FINAL)
    campaign.run_cycle()
    campaign.run_cycle()
    refused = labelcycle("finalize", campaign.root)
    assert refused.returncode == 1 and "--end-early" in refused.stderr and campaign.state.final is None
    first = labelcycle("finalize", campaign.root, "--end-early")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("final model: cycle 2, 16 labels, accuracy ")
    assert "\ntrained by lp_ft, with final.trainer of the recipe\n" in first.stdout
    again = labelcycle("finalize", campaign.root)
    assert (again.returncode, again.stdout) == (0, first.stdout) and len(campaign.state.commits) == 3
    run = labelcycle("run", campaign.root)
    assert run.returncode == 0 and "the campaign was finalized with 16 of 24 labels" in run.stdout
    facts = json.loads(labelcycle("status", campaign.root, "--json").stdout)
    assert (facts["state"], facts["final"]["cycle"], len(facts["cycles"])) == ("done", 2, 1)
    assert "2 (final)" in labelcycle("status", campaign.root).stdout


def test_the_command_without_a_final_training(begin: Callable[..., Any], labelcycle: Callable[..., Any]) -> None:
    campaign = spend(begin())
    answer = labelcycle("finalize", campaign.root)
    assert answer.returncode == 0 and "the model of cycle 3 is the final one" in answer.stdout
