"""The account of a tiny campaign, alone and against random; and what cannot be accounted for."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from labelcycle.components.analysis.cost import PARTS
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.runtime.timings import Timing, Used, read_timings, write_timing
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cost.account import account_of, as_facts, compare
from labelcycle.pipelines.cost.cost_plot import draw_costs
from labelcycle.pipelines.cost.table import as_tables, notes
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import Bench

WIDE = 400
"""Columns of a terminal in which every table has room."""

PRICES = {"label_price": 0.5, "annotators_per_label": 3, "price_cpu_hour": 3600.0}
"""A CPU second costs 1."""


def run(campaign: Any, cycles: int) -> Any:
    for _ in range(cycles):
        campaign.run_cycle()
    return campaign


@pytest.fixture(scope="module")
def spent(embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both campaigns below."""
    folder = tmp_path_factory.mktemp("spent")
    quick = {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
    sizes = {"embeddings": str(embeddings), "budget": 24, "batch": 8, "overrides": quick}
    for name, more in (("campaign", {"recipe": "linear_probe", **PRICES}), ("random", {"recipe": "random"})):
        root = str(folder / name)
        begin_campaign(root, CampaignSettings(name=name, **sizes, **more))
        run(Bench(root), 4)
    return folder


@pytest.fixture
def campaign(spent: Path, tmp_path: Path) -> Any:
    """A campaign whose budget of 24 labels is spent."""
    return Bench(str(shutil.copytree(spent / "campaign", tmp_path / "campaign")))


@pytest.fixture
def random(spent: Path, tmp_path: Path) -> Any:
    """The same with random queries and free computing."""
    return Bench(str(shutil.copytree(spent / "random", tmp_path / "random")))


def test_labels_seconds_and_sums(campaign: Any) -> None:
    account = account_of(campaign.root)
    assert [(row.cycle, row.labels, row.cost.label_cost) for row in account.rows] == [
        (0, 0, 0),
        (1, 8, 12),
        (2, 16, 24),
        (3, 24, 36),
    ]
    for row in account.rows:
        used = {timing.step: timing.used for timing in read_timings(open_store(campaign.root), row.cycle)}
        assert row.cost.total.cpu_seconds == pytest.approx(sum(used.values(), Used()).cpu_seconds)
        assert row.cost.used["selection"] == used["select"] and row.cost.used["selection"].wall_seconds > 0
        assert row.cost.used["head_training"] == used.get("train_adapter", Used())
        assert row.cost.used["full_training"] == Used()
        assert row.cost.overall_cost == row.cost.label_cost + row.cost.compute_cost
    seconds = sum(row.cost.total.cpu_seconds for row in account.rows)
    assert account.rows[-1].cost.compute_cost == pytest.approx(seconds) and seconds > 0


def test_training_on_images_is_full_training(begin_on_images: Callable[..., Any]) -> None:
    campaign = run(begin_on_images(recipe="peal_entropy", overrides={"trainer.epochs": 1, "trainer.rank": 1}), 2)
    used = account_of(campaign.root).rows[1].cost.used
    assert used["full_training"].wall_seconds > 0 and used["head_training"] == Used()
    assert used["forward"].wall_seconds > 0


def test_a_cycle_under_way_is_accounted_for(begin: Callable[..., Any]) -> None:
    campaign = run(begin(**PRICES), 2)
    before = account_of(campaign.root).rows[-1]
    campaign.run_until("train_adapter")
    last = account_of(campaign.root).rows[-1]
    assert (last.cycle, last.under_way, last.labels, last.accuracy) == (2, True, None, None)
    assert last.cost.used["head_training"].wall_seconds > 0
    assert last.cost.compute_cost > before.cost.compute_cost


def test_a_campaign_against_itself_saves_nothing(campaign: Any) -> None:
    found = compare(campaign.root, campaign.root)
    assert found.average is not None and (found.average.ratio, found.average.sign) == (0.0, "")
    for row in found.account.rows[1:]:
        assert row.compared is not None and row.compared.saving.ratio == 0.0
        assert row.compared.cost == pytest.approx(row.cost.overall_cost)


def test_against_random(campaign: Any, random: Any) -> None:
    found = compare(campaign.root, random.root)
    assert found.random.prices == campaign.state.campaign.prices
    first, *others = [row.compared for row in found.account.rows[1:]]
    assert first is not None and first.saving.ratio == 0.0
    ratios = [one.saving.ratio for one in others if one is not None]
    assert len(ratios) == 2 and found.average is not None
    assert found.average.ratio == pytest.approx(sum(ratios) / 2)
    labels = {row.labels: row.cost for row in found.random.rows if row.labels}
    for one in others:
        assert one is not None
        needed = one.saving.equivalent_labels
        enough = min(count for count in labels if count >= needed)
        assert one.cost == pytest.approx(1.5 * needed + labels[enough].compute_cost)


def test_one_trained_cycle_says_nothing_about_the_strategy(begin: Callable[..., Any], random: Any) -> None:
    campaign = run(begin(), 2)
    found = compare(campaign.root, random.root)
    assert found.average is None and any("nothing can be said" in line for line in notes(found.account, found))


def test_the_table_and_the_facts_agree(campaign: Any, random: Any) -> None:
    found = compare(campaign.root, random.root)
    facts = json.loads(json.dumps(as_facts(found.account, found)))
    assert facts["overall_cost"] == facts["label_cost"] + facts["compute_cost"]
    assert tuple(facts["seconds"]) == PARTS
    assert facts["against"]["strategy"] == "random"
    assert {"equivalent_labels", "saving_ratio", "sign", "cost_by_random"} <= facts["cycles"][3].keys()
    table = as_tables(found.account, True, WIDE)[0]
    headings = [str(column.header) for column in table.columns]
    assert "train head s" in headings and "train model s" not in headings and "GPU s" not in headings
    assert list(table.columns[headings.index("overall cost")].cells)[3] == f"{facts['overall_cost']:,.2f}"


@pytest.mark.parametrize("compared", [True, False])
def test_in_a_narrow_terminal_no_figure_is_cut_short(campaign: Any, random: Any, compared: bool) -> None:
    account = compare(campaign.root, random.root).account
    (together,) = as_tables(account, compared, WIDE)
    parts = as_tables(account, compared, 80)
    wide, narrow = (
        {str(column.header): [*column.cells] for table in tables for column in table.columns}
        for tables in ([together], parts)
    )
    assert wide == narrow and len(parts) == 2 + compared
    screen = Console(width=80, file=io.StringIO())
    screen.print(*parts)
    printed = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in printed and all(text in printed for cells in narrow.values() for text in cells)


def test_bounds_are_marked(campaign: Any, begin: Callable[..., Any], tmp_path: Path) -> None:
    """A yardstick that learns nothing never has the accuracy."""
    hopeless = {"trainer.epochs": 1, "trainer.learning_rate": 1e-9, "schedule.warm_start": False}
    poor = run(begin(str(tmp_path / "poor"), recipe="random", overrides=hopeless), 4)
    found = compare(campaign.root, poor.root)
    table = as_tables(found.account, True, WIDE)[0]
    assert list(table.columns[-2].cells)[3].startswith("≥")
    assert found.average is not None and found.average.lower_bound == found.average.ratio
    assert any("at least" in line for line in notes(found.account, found))


def test_seconds_that_nobody_recorded_are_told(campaign: Any) -> None:
    for path in Path(campaign.root).glob("cycles/2/*/timings/*"):
        path.unlink()
    account = account_of(campaign.root)
    assert any("no seconds are recorded for: 2" in line for line in notes(account, None))


def test_gpu_seconds_are_shown_and_paid_for(begin: Callable[..., Any]) -> None:
    campaign = run(begin(price_gpu_hour=7200.0), 2)
    record = Timing(
        stage="embed",
        target="base",
        started=0.0,
        wall_seconds=5.0,
        cpu_seconds=1.0,
        gpu_seconds=5.0,
        rows=3,
        peak_memory_bytes=1,
    )
    write_timing(open_store(campaign.root), 1, campaign.attempt, record)
    account = account_of(campaign.root)
    assert account.rows[1].cost.compute_cost == pytest.approx(10.0)
    assert "GPU s" in [str(column.header) for column in as_tables(account, False, WIDE)[0].columns]


@pytest.mark.draws
def test_the_plot_is_a_png_that_does_not_change(campaign: Any, random: Any) -> None:
    found = compare(campaign.root, random.root)
    alone, both = draw_costs(found.account, None), draw_costs(found.account, found.random)
    assert alone.startswith(b"\x89PNG") and alone != both == draw_costs(found.account, found.random)


def test_a_campaign_that_trained_nothing_is_refused(begin: Callable[..., Any], campaign: Any, tmp_path: Path) -> None:
    untrained = run(begin(str(tmp_path / "untrained")), 1)
    with pytest.raises(CampaignError, match=r"has no trained cycle yet. Run it first: labelcycle run"):
        account_of(untrained.root)
    with pytest.raises(CampaignError, match=r"untrained has no trained cycle yet"):
        compare(campaign.root, untrained.root)


def test_another_test_set_or_other_classes_are_refused(
    begin: Callable[..., Any], begin_on_images: Callable[..., Any], campaign: Any, tmp_path: Path
) -> None:
    images = run(begin_on_images(str(tmp_path / "images"), recipe="random"), 2)
    with pytest.raises(ConfigurationError, match=r"have different test sets.*with the same --test"):
        compare(campaign.root, images.root)
    more = run(begin(str(tmp_path / "more"), classes=["blue", "green", "red", "white"]), 2)
    with pytest.raises(ConfigurationError, match=r"have different classes.*with the same --classes"):
        compare(campaign.root, more.root)
