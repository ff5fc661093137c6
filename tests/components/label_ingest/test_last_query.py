"""What is known of the last query without reading tables is what the tables say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.own_labels import known_complete
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.label_ingest.awaited_labels import AwaitedLabels, awaited_labels
from labelcycle.components.label_ingest.last_query import requests_of_last_query, votes_on_last_query
from labelcycle.components.labelling.delivery_record import delivery_key, delivery_record_key, read_delivery_record

CLASSES = ["blue", "green", "red"]


def by_tables(campaign: Any) -> AwaitedLabels:
    """What the tables say, for which the last delivery record loses the names of the samples."""
    store, state = open_store(campaign.root), campaign.state
    key = delivery_record_key(state.commits[-1].cycle)
    kept = store.read(key)
    content = json.loads(kept)
    del content["asked"], content["sha256"]
    store.write(key, sealed(content))
    try:
        return awaited_labels(store, state)
    finally:
        store.write(key, kept)


def without_tables(campaign: Any) -> bool:
    store, state = open_store(campaign.root), campaign.state
    requests = requests_of_last_query(store, state)
    return requests is not None and votes_on_last_query(store, state, requests) is not None


def fill_in(campaign: Any, rows: dict[int, tuple[str, str]]) -> None:
    """Write person and label into rows of the last query's CSV."""
    path = Path(campaign.root) / delivery_key(campaign.state.commits[-1].cycle)
    header, *lines = path.read_text().splitlines()
    names = header.split(",")
    for number, (person, label) in rows.items():
        cells = lines[number].split(",")
        cells[names.index("label")] = label
        if "annotator" in names:
            cells[names.index("annotator")] = person
        lines[number] = ",".join(cells)
    path.write_text("\n".join([header, *lines]) + "\n")


def test_labels_of_the_campaigns_own(begin: Callable[..., Any]) -> None:
    campaign = begin()
    for _ in range(2):
        campaign.run_cycle()
        assert without_tables(campaign)
        awaited = awaited_labels(open_store(campaign.root), campaign.state)
        assert (awaited.asked, awaited.answered, awaited.open) == (8, 8, [])
        assert awaited == by_tables(campaign)


def test_a_table_of_labels_that_lacks_some_is_read(begin: Callable[..., Any], tmp_path: Path) -> None:
    names = [f"sample-{number:02d}" for number in range(40)]
    labels = ["cat", "dog"] * 18 + ["", "", "cat", "dog"]
    np.savez(
        tmp_path / "some.npz",
        ids=np.array(names),
        features=np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32),
        labels=np.array(labels),
        splits=np.array(["pool"] * 38 + ["test"] * 2),
    )
    campaign = begin(embeddings=str(tmp_path / "some.npz"), recipe="uherding", budget=38, batch=38)
    campaign.run_cycle()
    assert not known_complete(open_store(campaign.root), campaign.state.campaign) and not without_tables(campaign)
    assert awaited_labels(open_store(campaign.root), campaign.state).answered == 36


def test_what_is_known_of_the_labels_of_another_pool_counts_for_nothing(begin: Callable[..., Any]) -> None:
    campaign = begin()
    store, description = open_store(campaign.root), campaign.state.campaign
    other = description.pool.model_copy(update={"sha256": "0" * 64})
    assert known_complete(store, description)
    assert not known_complete(store, description.model_copy(update={"pool": other}))


@pytest.mark.parametrize(
    "rows",
    [{}, {0: ("ann", "red"), 1: ("ben", "blue"), 5: ("ann", "green")}, dict.fromkeys(range(0, 16, 2), ("ann", "red"))],
    ids=["nobody", "some", "half"],
)
def test_people_who_fill_in_a_csv(begin_on_images: Callable[..., Any], rows: dict[int, tuple[str, str]]) -> None:
    campaign = begin_on_images(
        labels_from=None, recipe="random", classes=CLASSES, batch=8, quorum=2, answered_share=0.5
    )
    campaign.run_until("publish")
    fill_in(campaign, rows)
    assert without_tables(campaign)
    assert awaited_labels(open_store(campaign.root), campaign.state) == by_tables(campaign)


def test_a_csv_that_names_other_samples(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(labels_from=None, recipe="random", classes=CLASSES, batch=8)
    campaign.run_until("publish")
    store, path = open_store(campaign.root), Path(campaign.root) / delivery_key(0)
    asked = {request.sample_id for request in requests_of_last_query(store, campaign.state) or []}
    pool = ids_of_split(store, campaign.state.campaign, "pool")
    other = next(sample_id for sample_id in pool if sample_id not in asked)
    header, *lines = path.read_text().splitlines()
    blank = "," * header.count(",")
    path.write_text("\n".join([header, *lines, f"{other}{blank}"]) + "\n")
    assert awaited_labels(store, campaign.state) == by_tables(campaign)
    cells = f"nobody.png{blank}".split(",")
    cells[header.split(",").index("label")] = "red"
    path.write_text("\n".join([header, *lines, ",".join(cells)]) + "\n")
    for look in (lambda: awaited_labels(store, campaign.state), lambda: by_tables(campaign)):
        with pytest.raises(InputError, match="no sample, or more than one, is called 'nobody.png'"):
            look()


def test_tables_are_read_while_an_earlier_query_lacks_answers(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(
        labels_from=None, recipe="random", classes=CLASSES, batch=8, answered_share=0.5, deadline_hours=1
    )
    campaign.run_until("publish")
    fill_in(campaign, dict.fromkeys(range(4), ("", "red")))
    campaign.run_cycle()
    record = read_delivery_record(open_store(campaign.root), 1)
    assert record is not None and record.asked is not None and not without_tables(campaign)
    assert awaited_labels(open_store(campaign.root), campaign.state).outstanding == 4
