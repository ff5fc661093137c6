"""The model is that of the product: what real campaigns do to their stores, the model can follow step by step."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from tests.blank_figures import coarsely
from tests.conftest import COLD_START, TRAINING
from tests.harness.protocol.acceptance import refused
from tests.harness.protocol.trace import Killed, Trace, named_before_written
from tests.harness.protocol.world import Bounds

BOUNDS = Bounds(runners=1, budget=4, batch=2, enough=2)


@pytest.fixture(scope="module", autouse=True)
def coarse_figures() -> Iterator[None]:
    """Figures without a layout and in few dots: drawing them would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "print_png", coarsely())
        yield


@pytest.fixture(scope="module")
def undisturbed(embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """What a campaign does that nothing disturbs, from its beginning on."""
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
    from tests.conftest import Bench

    root = str(tmp_path_factory.mktemp("campaign"))
    sizes = {"budget": BOUNDS.budget, "batch": BOUNDS.batch, "price_cpu_hour": 1.0, "overrides": {"trainer.epochs": 2}}
    trace = Trace()
    with trace.recording():
        begin_campaign(root, CampaignSettings(recipe="linear_probe", embeddings=os.fspath(embeddings), **sizes))
        run_through(Bench(root))
    return trace


@pytest.fixture
def events(undisturbed: Trace) -> list[str]:
    return undisturbed.events()


@pytest.fixture
def started(begin: Callable[..., Any]) -> Callable[[], Any]:
    """A function that begins a campaign, or goes on with it, with as many samples as the model has."""
    return lambda: begin(budget=BOUNDS.budget, batch=BOUNDS.batch, overrides={"trainer.epochs": 2})


def run_through(campaign: Any, times: int = 1) -> None:
    """Cycle after cycle until the campaign is done, each stage so many times."""
    while (decision := campaign.ingest().decision) != "done":
        for stage in COLD_START if decision == "cold_start" else TRAINING:
            for _ in range(times):
                campaign.run(stage)


def test_the_model_follows_a_campaign(undisturbed: Trace):
    events = undisturbed.events()
    assert events.count("commit of cycle 2") == 1
    assert refused(events, BOUNDS) is None
    assert named_before_written(undisturbed.writes) == []


def test_the_model_follows_a_campaign_whose_stages_all_run_twice(started: Callable[[], Any]):
    trace = Trace()
    with trace.recording():
        run_through(started(), times=2)
    assert refused(trace.events(), BOUNDS) is None


def test_the_model_follows_a_campaign_that_is_killed_again_and_again(started: Callable[[], Any]):
    trace, kills = Trace(), 0
    with trace.recording():
        campaign = started()
    while True:
        trace.kill_at = trace.asked + 8 * (kills + 1)
        try:
            with trace.recording():
                run_through(campaign)
            break
        except Killed:
            kills += 1
    assert kills > 3
    assert refused(trace.events(), BOUNDS) is None
    assert named_before_written(trace.writes) == []


def test_the_model_follows_a_campaign_that_is_amended_in_a_cycle_and_at_its_end(started: Callable[[], Any]):
    trace = Trace()
    with trace.recording():
        campaign = started()
        store = open_store(campaign.root)
        for stage in COLD_START if campaign.ingest().decision == "cold_start" else ():
            if stage == "select":
                amend_campaign(store, WantedChanges(budget=BOUNDS.budget + 1, renamed=["blue=navy"]), "")
            campaign.run(stage)
        run_through(campaign)
        merged = WantedChanges(budget=BOUNDS.budget + 2, merged=["navy,red=navy"], classes=["+red and more"])
        amend_campaign(store, merged, "")
        run_through(campaign)
    events = trace.events()
    assert events.count("people amend") == 2
    assert refused(events, BOUNDS._replace(amendments=2)) is None
    early = [event for event in events if event != "people amend"]
    assert refused(["people amend", "people amend", *early], BOUNDS._replace(amendments=2)) is not None


def test_the_model_follows_a_campaign_of_which_an_awaited_sample_is_withdrawn(
    started: Callable[[], Any], tmp_path: Path
):
    trace = Trace()
    with trace.recording():
        campaign = started()
        store = open_store(campaign.root)
        campaign.run_cycle()
        asked = read_query(store, campaign.state.commits[0].objects["query"])["sample_id"].to_pylist()
        (tmp_path / "withdrawn.txt").write_text(asked[0])
        wanted = WantedSamples(withdraw=str(tmp_path / "withdrawn.txt"))
        amend_campaign(store, WantedChanges(samples=wanted), "")
        run_through(campaign)
    events = trace.events()
    assert events.count("people withdraw") == 1
    assert refused(events, BOUNDS._replace(withdrawals=1)) is None
    assert refused([event for event in events if event != "people withdraw"], BOUNDS) is not None


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("commit of cycle 1", "record publish of cycle 1"),
        ("commit of cycle 1", "record evaluate of cycle 1"),
        ("record train of cycle 1", "object training of cycle 1"),
        ("csv of cycle 1", "commit of cycle 1"),
        ("receipt of cycle 1", "csv of cycle 1"),
        ("object metrics of cycle 1", "record train of cycle 1"),
        ("decision of cycle 2", "commit of cycle 1"),
    ],
)
def test_the_model_refuses_another_order(events: list[str], later: str, earlier: str):
    order = [*events]
    first, second = order.index(earlier), order.index(later)
    assert first < second
    order.insert(first, order.pop(second))
    assert refused(order, BOUNDS) is not None


@pytest.mark.parametrize("missing", ["record select of cycle 1", "commit of cycle 0", "csv of cycle 0"])
def test_the_model_refuses_a_step_left_out(events: list[str], missing: str):
    assert refused([event for event in events if event != missing], BOUNDS) is not None
