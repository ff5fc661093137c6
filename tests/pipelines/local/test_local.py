"""Engines of this machine: whole cycles, to the same bytes, and how stages that fail are told."""

import builtins
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.local.campaign_loop import run_campaign
from labelcycle.pipelines.local.engine import run_cycle
from labelcycle.pipelines.local.kfp_engine import run_pipeline
from labelcycle.pipelines.local.outcome import StageError
from labelcycle.pipelines.local.watch import Watcher

pytestmark = [
    pytest.mark.usefixtures("mlflow"),
    # kfp's own code, which these tests run in this process
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp"),
    pytest.mark.filterwarnings("ignore::FutureWarning:kfp"),
]


@pytest.mark.usefixtures("warm_stages")
@pytest.mark.parametrize("settings", [{}, {"recipe": "peal_entropy", "overrides": {"trainer.epochs": 1}}])
def test_engines_commit_what_the_stages_commit_one_by_one(
    begin_on_images: Callable[..., Any], tmp_path: Path, settings: dict[str, Any]
) -> None:
    commits = []
    for engine in ("local", "kfp"):
        campaign = begin_on_images(str(tmp_path / engine), budget=16, name="same", **settings)
        seen: list[Any] = []
        end = run_campaign(campaign.root, on_cycle=seen.append, engine=engine)  # type: ignore[arg-type]
        assert end.end == "done" and [run.decision for run in seen] == ["cold_start", "train", "train"]
        assert seen[1].facts.keys() == seen[1].seconds.keys() and "record" in seen[1].facts
        assert seen[1].facts["publish"]["accuracy"] == end.state.trained[0].accuracy
        commits.append(read_commits(open_store(campaign.root)))
    by_hand = begin_on_images(str(tmp_path / "by-hand"), budget=16, name="same", **settings)
    for _ in range(3):
        by_hand.run_cycle()
    assert commits == [read_commits(open_store(by_hand.root))] * 2


@pytest.mark.usefixtures("warm_stages")
def test_waiting_runs_nothing_else(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(labels_from=None, classes=["blue", "green", "red"], recipe="random")
    campaign.run_cycle()
    before = campaign.files()
    run = run_cycle(campaign.root)
    assert (run.decision, run.facts.keys()) == ("wait", {"label_ingest"})
    assert campaign.files() == before


@pytest.mark.usefixtures("warm_stages")
def test_a_stage_that_refuses_is_told_in_its_own_words(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    campaign.run_cycle()
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\nnobody,red\n")
    with pytest.raises(StageError, match="row 2: no sample, or more than one, is called 'nobody'") as refusal:
        run_cycle(campaign.root, str(path))
    assert refusal.value.exit_code == 1


def test_a_stage_that_dies_without_a_word(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process that imports the select stage dies, as if it were killed."""
    campaign = begin()
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Killer:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'labelcycle.components.select.stage':\n"
        "            print('last words', flush=True); os._exit(137)\n"
        "sys.meta_path.insert(0, Killer())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(TransientError, match=r"A stage died without reporting an error(.|\n)*last words"):
        run_cycle(campaign.root)
    monkeypatch.delenv("PYTHONPATH")
    assert campaign.state.phase == "new"
    assert run_cycle(campaign.root).decision == "cold_start"


def test_nothing_is_left_in_the_working_directory(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run_cycle(campaign.root)
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)


def test_what_threads_of_the_engine_leave_behind_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks at once can leave a replaced `print` and the handler of a closed log."""
    handler = logging.NullHandler()

    def disturbing() -> None:
        monkeypatch.setattr(builtins, "print", lambda *values: None)
        logging.getLogger().addHandler(handler)

    before = builtins.print
    run_pipeline(disturbing, {}, lambda events: Watcher(events, "nothing"))
    assert builtins.print is before
    assert handler not in logging.getLogger().handlers
