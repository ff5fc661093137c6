"""`labelcycle replay`: score the pool with the model of a committed cycle and select its query once more.

The campaign is only read: what the stages write goes to a store laid over it, and the query's own keys are hidden.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from labelcycle.components.core.campaign.algorithms import made_by, present
from labelcycle.components.core.campaign.attempt import RECORDS, Attempt, attempt_in
from labelcycle.components.core.campaign.commits import attempt_key, read_commit
from labelcycle.components.core.campaign.decision import Role
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.erasures import read_erasures
from labelcycle.components.core.storage.tables import QUERY, table_in, with_schema
from labelcycle.components.score.stage import score_pool
from labelcycle.components.select.stage import choice_of, choose_query


class OverlayStore:
    """What was written here comes first; then what the store below has, but for hidden keys.

    Args:
        below: only read from.
        above: takes what is written.
        hidden: whether a key of the store below is not seen.
    """

    def __init__(self, below: Store, above: Store, hidden: Callable[[str], bool]) -> None:
        self._below, self._above, self._hidden = below, above, hidden

    @property
    def root(self) -> str:
        """See `Store.root`: that of the store below."""
        return self._below.root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return self._holder(key).read(key)

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self._above.write(key, data)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`."""
        return not self.exists(key) and self._above.write_if_absent(key, data)

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """See `Store.write_if_unchanged`."""
        unchanged = self.exists(key) and self.read(key) == before
        if unchanged:
            self._above.write(key, data)
        return unchanged

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        self._above.upload(path, key)

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`."""
        return self._holder(key).fetch(key)

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self._holder(key).exists(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        below = [key for key in self._below.keys(prefix) if not self._hidden(key)]
        return sorted({*below, *self._above.keys(prefix)})

    def written(self, prefix: str) -> dict[str, float]:
        """See `Store.written`."""
        below = {key: when for key, when in self._below.written(prefix).items() if not self._hidden(key)}
        return below | self._above.written(prefix)

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`. Hidden keys count, where they are all that a folder has."""
        return sorted({*self._below.folders(prefix), *self._above.folders(prefix)})

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self._holder(key).locate(key)

    def _holder(self, key: str) -> Store:
        return self._above if self._hidden(key) or self._above.exists(key) else self._below


Agreement = Literal["identical", "same_samples", "different", "not_comparable", "erased"]
"""`identical`: every column of every row, to the last bit. `same_samples`: the same samples in the same order, with
other figures. `different`: other samples, or another order. `not_comparable`: the query was chosen by another version
of the strategy, and nothing was chosen again. `erased`: samples that it was chosen from, or of, were erased since."""

FORGOTTEN = ("score-", "select.", "publish.")
"""The records of the stages that are run again, and of what came after them."""


@dataclass(frozen=True)
class Replay:
    """A query as it was chosen and as it is chosen now.

    Attributes:
        cycle: the cycle.
        attempt: its attempt.
        strategy: what chose.
        chosen: ids of the query as it was, best first.
        again: ids as they come now; none where the two are not comparable.
        agreement: how they compare.
        columns: columns with other values, where the samples are the same.
        first_difference: the rank, from 1, at which the two differ first; None where they do not.
        asked: whether people were asked this query; not where the recipe's stop rule ended the campaign there.
        made_by: the version of the strategy that chose.
        present: the version of the strategy that this labelcycle has.
    """

    cycle: int
    attempt: str
    strategy: str
    chosen: list[str]
    again: list[str]
    agreement: Agreement
    columns: list[str]
    first_difference: int | None
    asked: bool
    made_by: int
    present: int


def replay_selection(store: Store, cycle: int, shards: int = 1) -> Replay:
    """Choose the query of a committed cycle again, from the objects that its commit and its stages name.

    Scores are recomputed, with the committed head on the stored features, and the strategy chooses again. The
    campaign is only read. Backbone and head are not trained again. A query of another version of the strategy is not
    chosen again: it would say nothing about what is stored.

    Args:
        store: the campaign's.
        cycle: a committed cycle.
        shards: parts that the scoring is split into; the result is the same for any number.

    Raises:
        CampaignError: the cycle is not committed, or an object that it was made from is gone or damaged.

    Cost: that of the score and select stages.
    """
    commit = read_commit(store, cycle)
    if commit is None:
        raise CampaignError(
            f"Cycle {cycle} of {store.root} is not committed, so there is no choice to compare with. "
            "See its cycles with: labelcycle status."
        )
    records = attempt_key(cycle, commit.attempt, f"{RECORDS}/")
    before = attempt_in(store, cycle, commit.attempt)
    chosen = _query_in(before.read("query.parquet"))
    role: Role = "strategy" if before.decision.trains else "cold_start"
    here, then = present(before, role), made_by(before.decision, role)
    now = then if here is None else here.version
    erased = _lost_samples(store, before)
    again = chosen.slice(0, 0) if erased or now != then else _chosen_again(store, before, records, shards)
    ids, ids_again = chosen["sample_id"].to_pylist(), again["sample_id"].to_pylist()
    columns = (
        [] if erased or ids != ids_again else [name for name in QUERY.names if not chosen[name].equals(again[name])]
    )
    agreement: Agreement = "different" if ids != ids_again else "same_samples" if columns else "identical"
    return Replay(
        cycle=cycle,
        attempt=commit.attempt,
        strategy=choice_of(before).strategy,
        chosen=ids,
        again=ids_again,
        agreement="erased" if erased else agreement if now == then else "not_comparable",
        columns=columns,
        first_difference=_first_difference(ids, ids_again) if now == then and not erased else None,
        asked=commit.objects["query"] == before.reference("query.parquet"),
        made_by=then,
        present=now,
    )


def _lost_samples(store: Store, before: Attempt) -> bool:
    """Whether samples were erased from the pool that a query was chosen from, or from the query."""
    made_of = {before.campaign.pool.key, before.reference("query.parquet").key}
    return any(each.key in made_of for erasure in read_erasures(store) for each in erasure.objects)


def _chosen_again(store: Store, before: Attempt, records: str, shards: int) -> pa.Table:
    """The query as it comes now: rows of `QUERY`. What is written goes to a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="labelcycle-replay-") as folder:
        overlay = OverlayStore(
            store, open_store(str(Path(folder))), lambda key: key.removeprefix(records).startswith(FORGOTTEN)
        )
        work = attempt_in(overlay, before.cycle, before.name)
        if work.decision.trains:
            for shard in range(shards):
                score_pool(work, shard, shards)
        return _query_in(_as_stored(work, choose_query(work, shards)))


def _as_stored(work: Attempt, query: pa.Table) -> bytes:
    work.write_table("query.parquet", query)
    return work.read("query.parquet")


def _query_in(data: bytes) -> pa.Table:
    return with_schema(table_in(data), QUERY)


def _first_difference(before: list[str], now: list[str]) -> int | None:
    for rank, (one, other) in enumerate(zip(before, now, strict=False), start=1):
        if one != other:
            return rank
    return None if len(before) == len(now) else min(len(before), len(now)) + 1
