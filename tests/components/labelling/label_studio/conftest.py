"""A server that answers as Label Studio does, and a campaign that uses it."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import Campaign, validated_campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.withdrawn import WITHDRAWN
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import POOL, QUARANTINE, QUERY, write_table
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.tokens import token_of
from tests.harness.label_studio_api import PERSONAL, Api, running

IDS = ["cats/1.png", "dogs/ü 2.png", "3.png", "4.png", "5.png"]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The server; the environment holds a personal token that it takes."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", PERSONAL)
    monkeypatch.delenv("LABEL_STUDIO_TOKEN_FILE", raising=False)
    with running(Api()) as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which are noted in place of being waited for."""
    taken: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=taken.append))
    return taken


@pytest.fixture
def client(api: Api, pauses: list[float]) -> LabelStudio:
    """A client with the personal token."""
    return LabelStudio(api.url, token_of(PERSONAL, "the test"), timeout=(5, 0.5))


@pytest.fixture
def make_campaign(store: Store, api: Api, campaign_settings: dict[str, Any]) -> Callable[..., Campaign]:
    """A function: settings of the tool → a campaign of cats and dogs whose pool has five image files."""
    pool = {column.name: [None] * len(IDS) for column in POOL} | {"sample_id": IDS, "split": ["pool"] * len(IDS)}

    def made(quorum: int = 1, folder: str = "/images/", **tool: Any) -> Campaign:
        columns = pool | {"uri": [f"{folder}{name}" for name in IDS]}
        settings = campaign_settings | {
            "pool": write_table(store, "pool.parquet", pa.table(columns, schema=POOL)),
            "quarantine": write_table(store, "quarantine.parquet", QUARANTINE.empty_table()),
            "labelling": {
                "quorum": quorum,
                "tool": {"url": api.url, "image_server": "http://images.example.org/pool"} | tool,
            },
        }
        return validated_campaign(**settings)

    return made


@pytest.fixture
def withdraw(store: Store) -> Callable[..., Campaign]:
    """A function: a campaign and ids → the campaign from which these samples were withdrawn."""

    def withdrawn(campaign: Campaign, ids: list[str]) -> Campaign:
        table = pa.table({"sample_id": sorted(ids), "sha256": [None] * len(ids)}, schema=WITHDRAWN)
        reference = write_table(store, "withdrawn/table.parquet", table)
        changed = campaign.model_copy(update={"withdrawn": reference})
        changed._begun_as = campaign.identifier
        return changed

    return withdrawn


@pytest.fixture
def make_commit(store: Store) -> Callable[..., Commit]:
    """A function: sample ids → a commit whose query asks for them, one a rank; predicted classes may be given."""

    def made(
        ids: list[str],
        cycle: int = 3,
        predicted: list[str | None] | None = None,
        opinion: int = 1,
        recheck: bool | None = None,
    ) -> Commit:
        rows = len(ids)
        columns: dict[str, Any] = {column.name: [None] * rows for column in QUERY} | {
            "sample_id": ids,
            "rank": list(range(1, rows + 1)),
            "reason": ["entropy 0.500"] * rows,
            "predicted": predicted or [None] * rows,
            "confidence": [0.75] * rows,
            "opinion": [opinion] * rows,
            "recheck": [recheck] * rows,
        }
        reference = write_table(store, f"query-{cycle}.parquet", pa.table(columns, schema=QUERY))
        return Commit(cycle=cycle, attempt="a", objects={"query": reference})

    return made
