"""The campaign's description: created once, read back, refused when wrong."""

import json
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import (
    KEY,
    SCHEMA_VERSION,
    Campaign,
    Prices,
    create_campaign,
    load_campaign,
    validated_campaign,
)
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.core.storage.tables import POOL, TRUTH, write_table


def test_round_trip(store: Store, campaign: Campaign) -> None:
    assert create_campaign(store, campaign)
    assert load_campaign(store) == campaign
    assert store.read(KEY) == campaign.as_bytes()


def test_creating_the_same_campaign_twice_is_no_error(store: Store, campaign: Campaign) -> None:
    create_campaign(store, campaign)
    assert not create_campaign(store, campaign)


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 1), ("classes", ["dog", "cat"]), ("budget", 101), ("labels_from", "labels.csv")]
)
def test_creating_another_campaign_is_refused(store: Store, campaign: Campaign, name: str, value: object) -> None:
    create_campaign(store, campaign)
    with pytest.raises(CampaignError, match=f"already belongs to campaign '{campaign.identifier}'.*another root"):
        create_campaign(store, campaign.model_copy(update={name: value}))
    assert load_campaign(store) == campaign


def test_identifier_depends_on_everything(campaign: Campaign) -> None:
    assert campaign.identifier.startswith("animals-")
    assert campaign.identifier == campaign.model_copy().identifier
    assert campaign.identifier != campaign.model_copy(update={"seed": 1}).identifier


def test_no_campaign(store: Store) -> None:
    with pytest.raises(CampaignError, match="No campaign at .*labelcycle init"):
        load_campaign(store)


def test_campaign_of_a_newer_labelcycle(store: Store, campaign: Campaign) -> None:
    content = {**json.loads(campaign.as_bytes()), "schema_version": SCHEMA_VERSION + 1, "invented_later": True}
    store.write(KEY, json.dumps(content).encode())
    with pytest.raises(CampaignError, match=f"schema version {SCHEMA_VERSION + 1}.*Upgrade labelcycle"):
        load_campaign(store)


def test_settings_that_a_later_version_has_added(store: Store, campaign: Campaign) -> None:
    """A later version may write a setting without a new schema: the person is not to take it out."""
    content = {name: value for name, value in json.loads(campaign.as_bytes()).items() if name != "sha256"}
    store.write(KEY, sealed({**content, "invented_later": True}))
    with pytest.raises(
        CampaignError, match="invented_later: unknown setting(.|\n)*later version of labelcycle wrote it"
    ):
        load_campaign(store)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a campaign description"),
        (b"{", "not a campaign description"),
        (b"\xff\xfe", "not a campaign description"),
        (b"[]", "not a campaign description"),
        (b"null", "not a campaign description"),
        (b"{}", "no field 'sha256'"),
        (sealed({"schema_version": 1}), "classes"),
        (sealed({"schema_version": "2"}), "schema_version: Input should be less than or equal to 1"),
    ],
)
def test_damaged_description(store: Store, data: bytes, message: str) -> None:
    store.write(KEY, data)
    with pytest.raises(CampaignError, match=message) as refusal:
        load_campaign(store)
    assert KEY in str(refusal.value)


def test_truncated_description(store: Store, campaign: Campaign) -> None:
    store.write(KEY, campaign.as_bytes()[:-20])
    with pytest.raises(CampaignError, match="not a campaign description"):
        load_campaign(store)


@pytest.mark.parametrize(
    ("labelled", "size"), [(0, 20), (1, 30), (20, 30), (70, 30), (71, 29), (99, 1), (100, 0), (130, 0)]
)
def test_query_size(campaign: Campaign, labelled: int, size: int) -> None:
    assert campaign.query_size(labelled) == size


def test_first_query_stays_within_the_budget(campaign: Campaign) -> None:
    assert campaign.model_copy(update={"budget": 7}).query_size(0) == 7


def test_queries_spend_the_budget_exactly(campaign: Campaign) -> None:
    spent = 0
    while size := campaign.query_size(spent):
        spent += size
    assert spent == campaign.budget


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", "with space", "name: .*'with space'"),
        ("name", "", "name: "),
        ("classes", ["cat"], "classes: .*at least 2"),
        ("classes", ["cat", "dog", "cat"], "classes: .*'cat' is listed more than once"),
        ("classes", ["cat", ""], "classes: .*'' is empty"),
        ("classes", ["cat", "dog "], "classes: .*'dog ' is empty or has spaces"),
        ("budget", 0, "budget: .*got 0"),
        ("batch", -1, "batch: .*got -1"),
        ("initial", 0, "initial: .*got 0"),
        ("seed", "x", "seed: .*got 'x'"),
        ("prices", {"label": -1}, "prices.label: .*got -1"),
        ("prices", {"label": float("inf")}, "prices.label: .*finite"),
        ("prices", {"currency": "EUR"}, "prices.currency: unknown setting"),
        ("max_unreadable_share", 1.5, "max_unreadable_share: .*got 1.5"),
        ("bugdet", 5, "bugdet: unknown setting. Did you mean 'budget'"),
    ],
)
def test_wrong_settings_are_named(campaign_settings: dict[str, Any], name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        validated_campaign(**{**campaign_settings, name: value})


def test_all_wrong_settings_are_named_at_once(campaign_settings: dict[str, Any]) -> None:
    campaign_settings["recipe"]["trainer"]["epochs"] = 0
    with pytest.raises(ConfigurationError) as refusal:
        validated_campaign(**{**campaign_settings, "budget": 0, "batch": 0})
    for name in ("  budget:", "  batch:", "  recipe.trainer.epochs:"):
        assert name in str(refusal.value)


def test_pool_and_truth(store: Store, campaign: Campaign) -> None:
    nothing = {"uri": None, "sha256": None, "caption": None, "group": None}
    rows = [{"sample_id": name, "split": split, **nothing} for name, split in [("a", "pool"), ("b", "test")]]
    known = [{"sample_id": "b", "label": "dog"}]
    references = {
        "pool": write_table(store, "pool.parquet", pa.Table.from_pylist(rows, schema=POOL)),
        "truth": write_table(store, "truth.parquet", pa.Table.from_pylist(known, schema=TRUTH)),
    }
    campaign = campaign.model_copy(update=references)
    assert load_pool(store, campaign).to_pylist() == [
        {**row} for row in pa.Table.from_pylist(rows, schema=POOL).to_pylist()
    ]
    assert load_truth(store, campaign) == {"b": "dog"}


def test_prices_of_labels_and_of_computing() -> None:
    prices = Prices(label=0.5, annotators_per_label=3, cpu_hour=0.04, gpu_hour=2.0)
    assert prices.of_labels(10) == 15.0
    assert prices.of_computing(cpu_seconds=7200) == pytest.approx(0.08)
    assert prices.of_computing(cpu_seconds=3600, gpu_seconds=1800) == pytest.approx(1.04)
    assert Prices().of_computing(cpu_seconds=3600, gpu_seconds=3600) == 0.0


def test_queries_grow_by_the_schedule(campaign: Campaign) -> None:
    schedule = campaign.recipe.schedule.model_copy(update={"batches_from": [(8, 9)]})
    recipe = campaign.recipe.model_copy(update={"schedule": schedule})
    growing = campaign.model_copy(update={"recipe": recipe, "initial": 4, "batch": 4, "budget": 30})
    assert [growing.query_size(asked) for asked in (0, 4, 8, 17, 26)] == [4, 4, 9, 9, 4]
