"""Which model is used, and what is said where there is none."""

import shutil
from pathlib import Path

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking.promoting import promote
from labelcycle.components.tracking.promotion import Gate
from labelcycle.pipelines.models.choice import choose_model
from tests.pipelines.models.conftest import crown


def test_without_a_champion_the_remedy_is_named(on_embeddings: str) -> None:
    with pytest.raises(ConfigurationError, match="no champion yet.*labelcycle promote.*--cycle 2"):
        choose_model(on_embeddings)


def test_the_champion_is_the_one_of_the_history(on_embeddings: str) -> None:
    crown(on_embeddings)
    store = open_store(on_embeddings)
    state = read_state(store)
    promote(store, state, state.commits[1], Gate(), force="older is better")
    chosen = choose_model(on_embeddings)
    assert (chosen.commit.cycle, chosen.champion, chosen.title) == (1, True, "the champion, of cycle 1")


def test_a_cycle_or_the_final_model_by_name(on_embeddings: str) -> None:
    first, last = choose_model(on_embeddings, cycle=1), choose_model(on_embeddings, final=True)
    assert (first.commit.cycle, first.champion, first.title) == (1, False, "the model of cycle 1")
    assert last.commit.cycle == 2
    with pytest.raises(ConfigurationError, match="Cycle 0 has no model. Cycles with one: 1, 2"):
        choose_model(on_embeddings, cycle=0)
    with pytest.raises(ConfigurationError, match="two models"):
        choose_model(on_embeddings, cycle=1, final=True)


def test_a_champion_of_another_history_is_refused(on_embeddings: str) -> None:
    crown(on_embeddings)
    (record,) = sorted(Path(on_embeddings, "promotions").iterdir())[-1:]
    champion = choose_model(on_embeddings).commit.digest
    record.write_text(record.read_text().replace(champion, "0" * 64))
    with pytest.raises(
        CampaignError, match="has another commit. Restore the folder cycles/. .*, or take promotions away"
    ):
        choose_model(on_embeddings)
    shutil.rmtree(record.parent)
    crown(on_embeddings)
    assert choose_model(on_embeddings).commit.digest == champion, "the remedy is one"


def test_a_campaign_without_a_model(tmp_path: Path, embeddings: Path) -> None:
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    root = str(tmp_path / "new")
    begin_campaign(root, CampaignSettings(embeddings=str(embeddings), budget=8, batch=8, recipe="linear_probe"))
    with pytest.raises(ConfigurationError, match="no model yet.*labelcycle run"):
        choose_model(root)


def test_a_final_model_that_is_not_trained_yet(tmp_path: Path, embeddings: Path, on_embeddings: str) -> None:
    from labelcycle.pipelines.models import choice

    state = read_state(open_store(on_embeddings))
    recipe = state.campaign.recipe.model_copy(update={"final": object()})
    waiting = type(state)(state.campaign.model_copy(update={"recipe": recipe}), state.commits, state.summaries)
    with pytest.raises(ConfigurationError, match="labelcycle finalize"):
        choice._final(waiting, on_embeddings)
