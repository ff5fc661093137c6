"""Campaigns whose features are recomputed on the way: when, from what, and what later cycles work on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.algorithms import final_trainer_of
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object

ALIGNED = {
    "alignment.threshold": 1e9,
    "alignment.trainer.epochs": 1,
    "alignment.trainer.batch_size": 12,
    "alignment.trainer.learning_rate": 1e-4,
    "alignment.trainer.head_learning_rate": 0.1,
}


@pytest.fixture
def begin_aligned(begin_on_small_network: Callable[..., Any], pictures: Any, tmp_path: Path) -> Callable[..., Any]:
    """A function: changes to the recipe → a campaign whose threshold is so large that the second cycle must update.

    The classes are not those of the pictures' colours, so that they overlap and PED takes its steps.
    """
    names = sorted(path.relative_to(pictures.images).as_posix() for path in pictures.images.rglob("*.png"))
    rows = [f"{name},{('odd', 'even')[number % 2]}" for number, name in enumerate(names)]
    labels, test = tmp_path / "parity.csv", tmp_path / "parity-test.csv"
    labels.write_text("\n".join(["sample_id,label", *rows]))
    test.write_text("\n".join(["sample_id,label", *rows[::5]]))

    def begun(root: str | None = None, val: str | None = None, recipe: str = "linear_probe", **changes: Any) -> Any:
        overrides = {**ALIGNED, **{name.replace("__", "."): value for name, value in changes.items()}}
        data = {"labels_from": str(labels), "test": str(test), "val": val}
        return begin_on_small_network(root, recipe=recipe, budget=32, overrides=overrides, **data)

    return begun


def committed(campaign: Any, cycle: int, name: str) -> Any:
    """A JSON object of a commit, None where it has none of that name."""
    reference = campaign.state.commits[cycle].objects.get(name)
    return None if reference is None else json.loads(read_object(open_store(campaign.root), reference))


def run_all(campaign: Any) -> None:
    while campaign.state.phase != "done":
        campaign.run_cycle()


@pytest.mark.parametrize("recipe", ["linear_probe", "asvp"])
def test_a_campaign_that_makes_its_features_anew(begin_aligned: Callable[..., Any], recipe: str) -> None:
    campaign = begin_aligned(recipe=recipe)
    run_all(campaign)
    records = [committed(campaign, cycle, "alignment") for cycle in range(5)]
    assert records[0] is None
    assert [record["update"] for record in records[1:]] == [False, True, False, False]
    assert [record["updates"] for record in records[1:]] == [0, 1, 1, 1]
    assert "before this one" in records[1]["reason"] and "max_updates" in records[3]["reason"]
    assert records[2]["previous_logme"] == records[1]["logme"] and records[3]["previous_logme"] is None
    assert records[4]["previous_logme"] == records[3]["logme"]
    assert records[2]["tuning"]["examples"] == 16 and records[1]["tuning"] is None
    base = campaign.state.campaign.base_space
    spaces = [summary.space for summary in campaign.state.trained]
    assert spaces[0] == base and len(set(spaces[1:])) == 1 and spaces[1] != base
    weights = [commit.objects.get("backbone") for commit in campaign.state.commits]
    assert weights[:2] == [None, None] and weights[2] is not None
    assert weights[2] == weights[3] == weights[4] and weights[2].key.startswith("cycles/2/")
    assert committed(campaign, 3, "metrics")["alignment"] == records[3]


def test_the_head_is_trained_on_what_embed_then_writes(
    begin_aligned: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labelcycle.components.train_adapter.alignment import aligned_training

    seen: list[Any] = []
    real = aligned_training.train_on_features
    monkeypatch.setattr(
        aligned_training, "train_on_features", lambda *args: seen.append((args[0].inputs, args[6])) or real(*args)
    )
    campaign = begin_aligned()
    for _ in range(3):
        campaign.run_cycle()
    tuned = FeatureSpace(open_store(campaign.root), campaign.state.trained[1].space)
    labelled = list(campaign.work.labelled())
    _, rows = tuned.read(labelled)
    _, before = FeatureSpace(open_store(campaign.root), campaign.state.campaign.base_space).read(labelled)
    features, warm = seen[-1]
    assert warm is None, "the head of another space must not be gone on from"
    np.testing.assert_allclose(features.numpy(), rows.astype(np.float32), rtol=2e-3, atol=2e-3)
    assert (features.numpy() == rows).mean() > 0.9
    assert not np.allclose(rows, before, rtol=2e-3, atol=2e-3)


def test_a_campaign_that_keeps_its_features(begin_aligned: Callable[..., Any]) -> None:
    campaign = begin_aligned(alignment__threshold=1e-9)
    run_all(campaign)
    assert not any(committed(campaign, cycle, "alignment")["update"] for cycle in range(1, 5))
    assert {summary.space for summary in campaign.state.trained} == {campaign.state.campaign.base_space}
    assert not any("backbone" in commit.objects for commit in campaign.state.commits)


def test_after_an_update_base_features_are_left_alone(begin_aligned: Callable[..., Any]) -> None:
    campaign = begin_aligned()
    for _ in range(3):
        campaign.run_cycle()
    campaign.ingest()
    assert campaign.run("embed base").embedded == campaign.run("embed base").kept == 0


def test_again_decides_and_trains_the_same(begin_aligned: Callable[..., Any]) -> None:
    campaign = begin_aligned()
    campaign.run_cycle()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    before = campaign.files()
    campaign.forget("train_adapter")
    campaign.run("train_adapter")
    assert campaign.files() == before


def test_killed_between_weights_and_facts(begin_aligned: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from labelcycle.components.train_adapter import stage

    campaign = begin_aligned()
    campaign.run_cycle()
    campaign.run_cycle()
    campaign.run_until("embed base")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "TrainingFacts", None)
        with pytest.raises(TypeError):
            campaign.run("train_adapter")
    for name in ("train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
        campaign.run(name)
    assert committed(campaign, 2, "alignment")["update"]


TUNING, HEAD = 3, 20
KILLS = {"fine-tuning": (2, TUNING - 1 + HEAD), "head": (TUNING + 11, HEAD - 10)}


@pytest.mark.parametrize(("kill", "left"), KILLS.values(), ids=KILLS.keys())
def test_killed_in_the_middle_of_a_training_it_goes_on(
    begin_aligned: Callable[..., Any],
    killed_in_epoch: Callable[[int, Callable[[], Any]], int],
    tmp_path: Path,
    kill: int,
    left: int,
) -> None:
    campaign = begin_aligned(alignment__trainer__epochs=TUNING)
    campaign.run_cycle()
    campaign.run_cycle()
    campaign.run_until("embed base")
    shutil.copytree(campaign.root, tmp_path / "undisturbed")
    assert killed_in_epoch(kill, lambda: campaign.run("train_adapter")) == left
    results = without_checkpoints(campaign)
    campaign.root = str(tmp_path / "undisturbed")
    campaign.run("train_adapter")
    assert results == without_checkpoints(campaign)
    assert campaign.work.read_json("alignment.json")["update"]


def test_killed_in_the_probe_of_holdout_it_goes_on(
    begin_aligned: Callable[..., Any], killed_in_epoch: Callable[[int, Callable[[], Any]], int], tmp_path: Path
) -> None:
    val = tmp_path / "val.csv"
    val.write_text("sample_id,label\nblue/06.png,odd\nblue/07.png,even\n")
    campaign = begin_aligned(val=str(val), alignment__mode="holdout", alignment__threshold=0.999)
    campaign.run_cycle()
    campaign.run_until("embed base")
    shutil.copytree(campaign.root, tmp_path / "undisturbed")
    probing = LinearTrainer().epochs
    assert killed_in_epoch(probing, lambda: campaign.run("train_adapter")) == 1 + 1 + HEAD
    results = without_checkpoints(campaign)
    campaign.root = str(tmp_path / "undisturbed")
    campaign.run("train_adapter")
    assert results == without_checkpoints(campaign)


def without_checkpoints(campaign: Any) -> dict[str, bytes]:
    """Every object of the campaign but checkpoints."""
    return {key: data for key, data in campaign.files().items() if not key.endswith("checkpoint.safetensors")}


@pytest.mark.parametrize(("threshold", "updates"), [(1e-9, None), (0.999, False)])
def test_holdout_compares_a_probe_with_fine_tuning(
    begin_aligned: Callable[..., Any], tmp_path: Path, threshold: float, updates: bool | None
) -> None:
    val = tmp_path / "val.csv"
    val.write_text("sample_id,label\n" + "".join(f"blue/{row:02d}.png,{['odd', 'even'][row % 2]}\n" for row in (6, 7)))
    campaign = begin_aligned(val=str(val), alignment__mode="holdout", alignment__threshold=threshold)
    campaign.run_cycle()
    campaign.run_cycle()
    record = committed(campaign, 1, "alignment")
    assert record["gap"] == record["tuned_accuracy"] - record["probe_accuracy"]
    assert record["update"] == (record["gap"] > threshold if updates is None else updates)
    assert ("backbone" in campaign.state.commits[1].objects) == record["update"]


def test_holdout_without_a_readable_validation_image(
    begin_aligned: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelcycle.pipelines.initialise.begin.check_validation", lambda *_: None)
    campaign = begin_aligned(alignment__mode="holdout")
    campaign.run_cycle()
    with pytest.raises(ConfigurationError, match="validation split.*has none"):
        campaign.run_until("train_adapter")


def test_divergence_names_the_settings_of_alignment(begin_aligned: Callable[..., Any]) -> None:
    campaign = begin_aligned(alignment__trainer__learning_rate=1e20, alignment__trainer__epochs=3)
    campaign.run_cycle()
    campaign.run_cycle()
    with pytest.raises(ConfigurationError, match=r"diverged.* with alignment\.trainer\.learning_rate=1e\+20"):
        campaign.run_until("train_adapter")


def test_features_that_stay_while_the_final_training_changes(begin_aligned: Callable[..., Any]) -> None:
    campaign = begin_aligned(recipe="asvp", alignment__feature_alignment=False)
    run_all(campaign)
    verdicts = [committed(campaign, cycle, "alignment") for cycle in range(1, len(campaign.state.commits))]
    assert [verdict["update"] for verdict in verdicts].count(True) == 1
    assert all("backbone" not in commit.objects for commit in campaign.state.commits)
    assert committed(campaign, len(verdicts), "training_aligned")["updates"] == 1
    recipe, previous = campaign.state.campaign.recipe, campaign.state.commits[-1].objects
    assert final_trainer_of(recipe, previous)[0] == "final.aligned"
    assert final_trainer_of(recipe, campaign.state.commits[1].objects)[0] == "final.trainer"


def test_an_update_at_few_labels_is_told_to_rest_on_an_unreliable_logme(
    begin_aligned: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin_aligned()
    for _ in range(3):
        campaign.run_cycle()
    assert committed(campaign, 2, "alignment")["update"]
    told = "LogME is unreliable here" in capsys.readouterr().err
    assert told == (committed(campaign, 2, "alignment")["width"] >= 16)
