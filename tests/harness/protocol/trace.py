"""What a real campaign did to its store, in the words of the model."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from labelcycle.components.core.storage.folder import FolderStore

STAGES = {"train_adapter": "train", "evaluate": "evaluate", "select": "select", "publish": "publish"}
"""The model's names of stages. It has no embedding, and counts scoring to select, whose result alone is committed."""

OBJECTS = {"evaluate": "metrics", "select": "query", "publish": "report"}
"""What the model calls all objects of a stage; train has two."""

BESIDE = re.compile(
    r"campaign\.json|(pool|oracle|weights|spaces|labels|consensus|history)/.*|.*/timings/.*|.*checkpoint\.safetensors"
)
"""What the model does not have: what was there before, what nothing names, and what `read_before_written` holds."""


class Killed(Exception):
    """Stands for a kill: nothing that comes after it is done."""


@dataclass(frozen=True)
class Write:
    """A write that the store has done: the key, the content, and whether it was one that only the first does."""

    key: str
    data: bytes
    conditional: bool


@dataclass
class Trace:
    """Every write that had an effect, in order.

    Attributes:
        kill_at: the number of the write, counted from 0, before which the process is killed; None for none.
    """

    writes: list[Write] = field(default_factory=list)
    kill_at: int | None = None
    asked: int = 0

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what this process does to folders."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("write", "write_if_absent"):
                patch.setattr(FolderStore, name, self._recorded(getattr(FolderStore, name), name != "write"))
            yield

    def _recorded(self, write: Callable[..., Any], conditional: bool) -> Callable[..., Any]:
        def recorded(store: FolderStore, key: str, data: bytes) -> Any:
            if self.asked == self.kill_at:
                raise Killed
            self.asked += 1
            done = write(store, key, data)
            if done is not False:
                self.writes.append(Write(key, data, conditional))
            return done

        return recorded

    def events(self) -> list[str]:
        """The writes as the model calls its steps; the objects of a stage that the model has once are one event.

        Raises:
            ValueError: a key that nobody knows.
        """
        stage_of = self._stages_of_objects()
        found: list[str] = []
        named: set[str] = set()
        for write in self.writes:
            if write.key in named and not write.conditional:
                continue  # written again with the same content, since the key holds its digest
            if write.key.endswith("/decision.json"):
                named.add(write.key)
            if write.key.count("/results/"):
                named |= {reference["key"] for reference in json.loads(write.data)["objects"].values()}
            event = _event(write, stage_of)
            if event is not None and event not in found[-1:]:
                found.append(event)
        return found

    def _stages_of_objects(self) -> dict[str, str]:
        """Which stage's record names each object."""
        stages = {}
        for write in self.writes:
            folder, _, name = write.key.rpartition("/")
            if folder.endswith("/results"):
                for reference in json.loads(write.data)["objects"].values():
                    stages[reference["key"]] = name.removesuffix(".json")
        return stages


def _event(write: Write, stage_of: dict[str, str]) -> str | None:
    """The model's name of a write; None for what the model does not have."""
    key = write.key
    if BESIDE.fullmatch(key):
        return None
    if handed := re.fullmatch(r"queries/cycle-(\d+)\.(csv|json)", key):
        return f"{'csv' if handed[2] == 'csv' else 'receipt'} of cycle {int(handed[1])}"
    if key.startswith("amendments/"):
        return "people withdraw" if "withdrawn" in json.loads(write.data)["changes"] else "people amend"
    place = re.fullmatch(r"cycles/(\d+)/(?:[0-9a-f]{16}/)?(.*)", key)
    if place is None:
        raise ValueError(f"{key} is none of a campaign's keys")
    cycle, name = f"cycle {place[1]}", place[2]
    if name in ("decision.json", "commit.json"):
        return f"{name.removesuffix('.json')} of {cycle}"
    if name.startswith("results/"):
        stage = STAGES.get(name.removeprefix("results/").removesuffix(".json"))
        return None if stage is None else f"record {stage} of {cycle}"
    stage = STAGES.get(stage_of.get(key, ""))
    if stage is None:
        return None
    what = OBJECTS.get(stage) or ("training" if name.startswith("training-") else "head")
    return f"object {what} of {cycle}"


def named_before_written(writes: list[Write]) -> list[str]:
    """Keys that an object names although they were not there yet: names come last, whatever names them."""
    there: set[str] = set()
    early = []
    for write in writes:
        if write.key.endswith(".json") and "/timings/" not in write.key:
            early += [f"{write.key} names {key}" for key in _keys_in(json.loads(write.data)) if key not in there]
        there.add(write.key)
    return early


def _keys_in(value: Any) -> Iterator[str]:
    """Every key that a JSON value refers to."""
    if isinstance(value, dict):
        if value.keys() == {"key", "sha256"}:
            yield value["key"]
        for one in value.values():
            yield from _keys_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _keys_in(one)
