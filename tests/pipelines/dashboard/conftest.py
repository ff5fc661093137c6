"""Campaigns whose commits a test writes itself, without training anything."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.campaign.commits import Commit, write_commit
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import write_json
from labelcycle.components.core.storage.tables import QUERY, with_schema, write_table
from labelcycle.components.labelling.delivery_record import delivery_key, write_delivery_record
from labelcycle.components.labelling.query_delivery import deliver_query
from labelcycle.pipelines.dashboard.view import View, read_status, read_view


@dataclass
class Story:
    """A campaign that goes from cycle to cycle as a test tells it."""

    root: str
    commits: list[Commit] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return open_store(self.root)

    @property
    def campaign(self) -> Campaign:
        return load_campaign(self.store)

    def cycle(self, labels: int, accuracy: float | None, query: int, **summary: Any) -> None:
        """Commit a cycle that trained on so many labels and asks for so many more, and hand its query out."""
        number, store = len(self.commits), self.store
        pool = load_pool(store, self.campaign)
        names = [row["sample_id"] for row in pool.to_pylist() if row["split"] == "pool"][labels : labels + query]
        rows = {"sample_id": names, "rank": list(range(query)), "reason": ["because"] * query}
        table = with_schema(pa.table(rows, schema=pa.schema([QUERY.field(name) for name in rows])), QUERY)
        facts = {
            "cycle": number,
            "labels": labels,
            "answers": labels,
            "accuracy": accuracy,
            "macro_f1": accuracy,
            "ece": None if accuracy is None else 0.1,
            "space": None if accuracy is None else "space",
            "query_size": query,
            "previous_query": {"known_unknown_ratio": 1.0, "known": 1, "unknown": 2} if accuracy else None,
        }
        objects = {
            "summary": write_json(store, f"cycles/{number}/attempt/summary.json", facts | summary),
            "query": write_table(store, f"cycles/{number}/attempt/query.parquet", table),
        }
        if accuracy is not None:
            objects["report"] = write_json(store, f"cycles/{number}/attempt/report.html", "a report")
        commit = Commit(cycle=number, attempt="attempt", objects=objects)
        assert write_commit(store, commit)
        self.commits.append(commit)
        if self.campaign.labelling.tool is None:
            deliver_query(store, self.campaign, commit)
        else:
            write_delivery_record(store, number, self.campaign.labelling.tool.url)

    def fill_in(self, number: int, label: str) -> None:
        """Answer the first so many samples of the last query in its CSV."""
        path = Path(self.root) / delivery_key(len(self.commits) - 1)
        header, *rows = path.read_text().splitlines()
        label_column = header.split(",").index("label")
        for row in range(number):
            cells = rows[row].split(",")
            cells[label_column] = label
            rows[row] = ",".join(cells)
        path.write_text("\n".join([header, *rows]) + "\n")

    def view(self) -> View:
        return read_view(self.store, read_status(self.store, self.root))


@pytest.fixture
def tell() -> Callable[[str], Story]:
    """A function: the root of a campaign without commits → its story."""
    return Story


@pytest.fixture
def begin_story(begin: Callable[..., Any]) -> Callable[..., Story]:
    """A function: settings of `labelcycle init` → a new campaign that asks people."""

    def begun(**settings: Any) -> Story:
        return Story(begin(**settings).root)

    return begun


@pytest.fixture
def labelled_by_people(begin_story: Callable[..., Story], write_npz: Callable[..., str], tmp_path: Path) -> Story:
    """A campaign after a cold start and two trained cycles, whose last query people label in a CSV."""
    names = [f"sample-{number:02d}" for number in range(40)]
    embeddings = write_npz(ids=np.array(names), features=np.ones((40, 4), np.float32), labels=None, splits=None)
    test = tmp_path / "test.csv"
    test.write_text("sample_id,label\nsample-38,cat\nsample-39,dog\n")
    story = begin_story(embeddings=embeddings, test=str(test), budget=30, batch=10)
    story.cycle(0, None, 10)
    story.cycle(10, 0.5, 10)
    story.cycle(20, 0.6, 10)
    return story
