"""An answer that a person takes back after it was trained on: the next cycle does without it, and awaits another."""

from collections.abc import Callable

from tests.conftest import Bench
from tests.harness.label_studio_api import Api

BATCH = 6


def answer_everything(api: Api) -> None:
    for number, task in api.tasks.items():
        if not task["annotations"]:
            api.annotate(number, task["data"]["sample_id"].split("/")[0])


def labelled(campaign: Bench) -> tuple[int, int, int]:
    """Samples with a label, requests with their answers, and those that lack them, in the last cycle."""
    last = campaign.state.summaries[-1]
    return last.labels, last.answers, last.outstanding


def test_a_deleted_annotation(begin_on_small_network: Callable[..., Bench], studio: Api) -> None:
    tool = {"label_studio": studio.url, "image_server": "http://images.example.org"}
    campaign = begin_on_small_network(labels_from=None, budget=4 * BATCH, batch=BATCH, **tool)
    campaign.run_cycle()
    answer_everything(studio)
    campaign.run_cycle()
    assert labelled(campaign) == (BATCH, BATCH, 0)

    taken_back = next(iter(studio.tasks.values()))
    sample = taken_back["data"]["sample_id"]
    answer_everything(studio)
    taken_back["annotations"].clear()
    campaign.run_cycle()
    assert labelled(campaign) == (2 * BATCH - 1, 2 * BATCH - 1, 1)
    assert sample not in campaign.work.labelled()
    assert [task["data"]["sample_id"] for task in studio.tasks.values()].count(sample) == 1

    answer_everything(studio)
    campaign.run_cycle()
    assert labelled(campaign) == (3 * BATCH, 3 * BATCH, 0)
    assert campaign.work.labelled()[sample] == sample.split("/")[0]
