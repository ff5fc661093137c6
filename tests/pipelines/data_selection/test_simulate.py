"""Arms in memory, next to campaigns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.pipelines.data_selection.batches_to_accuracy import read_batch_curve
from labelcycle.pipelines.data_selection.simulate_loops import LabelledPool, SelectionArm, simulate_selection


def pool_of(campaign: Any) -> LabelledPool:
    store, settings = campaign.work.store, campaign.state.campaign
    table = load_pool(store, settings)
    truth = load_truth(store, settings)
    split = dict(zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True))
    ids, features = FeatureSpace(store, settings.base_space).read()
    classes = np.array([settings.classes.index(truth[name]) for name in ids])
    in_pool = np.array([split[name] == "pool" for name in ids])
    texts = FeatureSpace(store, campaign.run("embed texts").space).read()[1]
    return LabelledPool(
        np.array(ids)[in_pool],
        features[in_pool],
        classes[in_pool],
        texts,
        features[~in_pool],
        classes[~in_pool],
        settings.classes,
    )


REPLAYED = {"replay": True, "train_augmented": True, "earlier_picks": "labelled", "augmentation": "none"}


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        ("vecaf_ods", {"augmentation": "selected"}),
        ("vecaf_ods", {"augmentation": "pool", "train_augmented": True}),
        ("activeft", {"augmentation": "pool"}),
        ("alfamix", REPLAYED),
        ("coreset", REPLAYED),
    ],
)
def test_an_arm_comes_to_what_a_campaign_comes_to(
    select_data: Callable[..., Any], run_all: Callable[[Any], None], strategy: str, settings: dict[str, Any]
) -> None:
    campaign = select_data(
        overrides={
            "selector.strategy": strategy,
            "cold_start.strategy": "random" if strategy == "alfamix" else strategy,
            **{f"data_selection.{name}": value for name, value in settings.items()},
        }
    )
    run_all(campaign)
    recipe = campaign.state.campaign.recipe
    arm = SelectionArm(strategy, 8, recipe.data_selection, recipe.trainer, first=recipe.cold_start.strategy)
    simulated = simulate_selection(pool_of(campaign), arm, seed=0)
    queries = [read_query(campaign.work.store, commit.objects["query"]) for commit in campaign.state.commits[:3]]
    assert simulated.selections == [sorted(query["sample_id"].to_pylist()) for query in queries]
    assert simulated.points == read_batch_curve(campaign.root).points


def test_a_seed_decides_all(select_data: Callable[..., Any], tmp_path: Path) -> None:
    campaign = select_data()
    campaign.ingest()
    pool, recipe = pool_of(campaign), campaign.state.campaign.recipe
    arm = SelectionArm("random", 8, recipe.data_selection, recipe.trainer)
    assert simulate_selection(pool, arm, seed=1) == simulate_selection(pool, arm, seed=1)
    assert simulate_selection(pool, arm, seed=1).selections != simulate_selection(pool, arm, seed=2).selections
