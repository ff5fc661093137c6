"""The select component calls its stage and puts the query into its artifact."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq

from labelcycle.components.select.component import select


def test_the_artifact_is_the_query(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    campaign.ingest()
    query = SimpleNamespace(path=str(tmp_path / "query"), metadata={})
    assert select.python_func(root=campaign.root, cycle=0, attempt=campaign.attempt, query=query) == 8
    assert pq.read_table(query.path).num_rows == query.metadata["size"] == 8


def test_everything_is_handed_on(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("select", size=5)
    query = SimpleNamespace(path="a path", metadata={})
    assert select.python_func(root="r", cycle=3, attempt="a", query=query, shards=2) == 5
    assert calls == [{"root": "r", "cycle": 3, "attempt": "a", "shards": 2, "query": "a path"}]
    assert query.metadata == {"size": 5}
