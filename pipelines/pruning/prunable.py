"""What `labelcycle prune` may delete: what no commit needs, and nothing that a run may be at work on.

Needed are the campaign, all commits with everything that they name, votes, consensus, histories, deliveries, timings,
and the feature spaces of the backbone as it comes, of the last trained cycles, of the champion and of the final model.
What belongs to the cycle that is not committed yet is never looked at, nor what was written within the last hours.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.deletion import Deleter, StoredObject
from labelcycle.components.tracking.promotion_history import read_champion
from labelcycle.pipelines.verification.known_objects import KnownKey, known_key

Kind = Literal["feature space", "lost attempt", "checkpoint", "trial write", "unfinished write"]

OF_LOST_ATTEMPTS = {"result", "record", "decision", "checkpoint"}
"""Kinds of objects that go with an attempt. Timings stay: what was computed in vain was paid for."""

OF_SPACES = {"features", "quarantine", "index", "ids", "map"}
"""Kinds of objects that go with a feature space. Its description stays: it says what the features were made from."""


@dataclass(frozen=True)
class Prunable:
    """Objects that go together.

    Attributes:
        kind: what they are.
        place: the folder or object, below the root.
        why: why nothing needs them, in words.
        objects: the objects.
    """

    kind: Kind
    place: str
    why: str
    objects: list[StoredObject]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(found.size for found in self.objects)


def plan_pruning(
    store: Store, deleter: Deleter, state: State, keep_spaces: int = 1, hours: float = 24, now: float | None = None
) -> list[Prunable]:
    """What may be deleted, by kind and place.

    Args:
        store: the campaign's.
        deleter: of the same root.
        state: the campaign's.
        keep_spaces: of how many of the last trained cycles features are kept.
        hours: what is younger than this is kept.
        now: seconds since 1970; None for the clock's.

    Raises:
        CampaignError: the campaign is damaged.

    Cost: one listing of everything under the root, and a small read for each attempt that lost.
    """
    before = (time.time() if now is None else now) - 3600 * hours
    known = [(known_key(found.key), found) for found in deleter.objects("")]
    objects = [(key, found) for key, found in known if key is not None]
    named = {reference.key for commit in state.commits for reference in commit.objects.values()}
    lost = list(_lost_attempts(state, objects, named))
    groups = [*_old_spaces(store, state, objects, lost, keep_spaces), *lost, *_checkpoints(state, objects)]
    groups += [
        Prunable("trial write", found.key, "`labelcycle doctor` tried the store, and might not delete", [found])
        for key, found in objects
        if key.kind == "trial"
    ]
    groups += [
        Prunable("unfinished write", found.key, "its writer was killed, or gave up", [found])
        for found in deleter.unfinished()
    ]
    return [group for group in groups if all(found.modified < before for found in group.objects)]


def _lost_attempts(
    state: State, objects: Iterable[tuple[KnownKey, StoredObject]], named: set[str]
) -> Iterator[Prunable]:
    """Attempts at committed cycles that are not those of the commits."""
    attempts: dict[tuple[int, str], list[StoredObject]] = {}
    for known, found in objects:
        if known.kind in OF_LOST_ATTEMPTS and found.key not in named:
            attempts.setdefault((int(known.parts["cycle"]), known.parts["attempt"]), []).append(found)
    for (cycle, attempt), own in sorted(attempts.items()):
        if cycle < len(state.commits) and attempt != state.commits[cycle].attempt:
            why = f"cycle {cycle} was committed by attempt {state.commits[cycle].attempt}"
            yield Prunable("lost attempt", f"cycles/{cycle}/{attempt}", why, own)


def _checkpoints(state: State, objects: Iterable[tuple[KnownKey, StoredObject]]) -> Iterator[Prunable]:
    """Checkpoints of trainings whose cycle is committed."""
    committed = {(commit.cycle, commit.attempt) for commit in state.commits}
    for known, found in objects:
        if known.kind == "checkpoint" and (int(known.parts["cycle"]), known.parts["attempt"]) in committed:
            yield Prunable("checkpoint", found.key, "its training has ended", [found])


def _old_spaces(
    store: Store,
    state: State,
    objects: Iterable[tuple[KnownKey, StoredObject]],
    lost: Iterable[Prunable],
    keep: int,
) -> Iterator[Prunable]:
    """Spaces of models that are no longer the newest, which the embed stage makes again where they are asked for."""
    if state.campaign.backbone is None:
        return
    cycles = {summary.space: summary.cycle for summary in state.summaries if summary.space is not None}
    why = {
        space: f"it is that of the model of cycle {cycle}, and there are newer ones" for space, cycle in cycles.items()
    }
    why = {space: f"the attempt {group.place} lost" for group in lost for space in _spaces_of(store, group)} | why
    needed = _needed_spaces(store, state, keep)
    parts: dict[str, list[StoredObject]] = {}
    for known, found in objects:
        if known.kind in OF_SPACES and known.parts.get("space"):
            parts.setdefault(known.parts["space"], []).append(found)
    for space in sorted(parts.keys() & why.keys() - needed):
        yield Prunable("feature space", f"spaces/{space}", why[space], parts[space])


def _needed_spaces(store: Store, state: State, keep: int) -> set[str]:
    champion = read_champion(store)
    trained = [summary for summary in state.summaries if summary.space is not None and not summary.final]
    kept = {summary.cycle for summary in trained[len(trained) - keep :]} if keep else set()
    kept |= {summary.cycle for summary in state.summaries if summary.final}
    if champion is not None:
        kept.add(champion.cycle)
    spaces = {summary.space for summary in state.summaries if summary.cycle in kept and summary.space is not None}
    return spaces | {state.campaign.base_space}


def _spaces_of(store: Store, attempt: Prunable) -> Iterator[str]:
    """The feature space that a lost attempt trained for, where it came so far."""
    for found in attempt.objects:
        name = found.key.rpartition("/")[2]
        if name.startswith("training-"):
            try:
                yield TrainingFacts.from_json(store.read(found.key), store.locate(found.key)).space
            except (CampaignError, FileNotFoundError):
                continue  # without it nobody knows the space, which stays
