"""Erasing withdrawn samples: their rows, features and thumbnails leave every object under the campaign's root.

Objects that commits name stay where they are, with another content, whose digest the record of the erasure tells.
Feature parts are written anew, and what is made from others, such as indexes, is deleted. Whoever is killed on the
way erases again, and finds what is left to do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool_ids import write_pool_ids
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.part_files import PartFiles
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.authorship import now, user
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.deletion import Deleter
from labelcycle.components.core.storage.erasures import (
    FOLDER,
    ErasedObject,
    Erasure,
    erasure_key,
    pseudonym,
    read_erasures,
)
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.core.storage.tables import POOL, table_in, with_schema
from labelcycle.pipelines.amending.erased_content import (
    BY_ENDING,
    Names,
    erased_csv,
    in_place_of_pictures,
    shows,
)
from labelcycle.pipelines.amending.withdraw import named_samples
from labelcycle.pipelines.verification.known_objects import known_key

IN_PLACE = {
    *("result", "votes", "history", "consensus", "table", "receipt", "handout"),
    *("predictions", "listed", "machine labels", "audit"),
}
"""Kinds of objects that are written again where they are."""

NOT_OURS = {"backtest", "tracking", "promotion"}
"""Kinds that are left as they are; a notice names those that still name a sample."""


@dataclass
class Erased:
    """What an erasure did.

    Attributes:
        samples: how many samples it was about.
        rewritten: keys of objects that were written again.
        deleted: keys of objects that were deleted.
        left: keys of objects of backtests and MLflow that still name a sample.
    """

    samples: int
    rewritten: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def erase_samples(store: Store, deleter: Deleter, file: str, reason: str) -> Erased:
    """Erase samples that were withdrawn from everything under the campaign's root. It may be asked for again.

    A cycle that had begun before they were withdrawn may still write of them: erase again once it is over. Models have
    learnt from them and stay. Copies elsewhere, such as versions of a bucket, MLflow's artifacts, label files and the
    images themselves, are not touched.

    Args:
        store: the campaign's.
        deleter: of the same root.
        file: names the samples, as it did when they were withdrawn.
        reason: why, for the record.

    Raises:
        ConfigurationError: a sample is not withdrawn, or stands in the recipe.

    Cost: reads everything under the root once, and what has to be written again twice.
    """
    state = read_state(store)
    names = _names(store, state, file)
    _refuse_listed(state, names)
    erased = Erased(len(names))
    _write_what_is_recorded(store, names, erased)
    plan = list(_to_be_written(store, names, erased))
    if plan:
        _record(store, names, plan, reason)
        _write_what_is_recorded(store, names, erased)
    _erase_features(store, deleter, names, erased)
    _erase_ids_of_pools(store, deleter, state.campaign, names, erased)
    if erased.left:
        notice(f"Left as they are, and still naming a sample: {', '.join(erased.left[:5])}. Delete them where you can.")
    return erased


def _names(store: Store, state: State, file: str) -> Names:
    """The pseudonyms of the samples in a file, by id.

    Raises:
        ConfigurationError: one of them is not withdrawn.
    """
    campaign = state.campaign
    names = {name: pseudonym(campaign.identifier, name) for name in named_samples(store, campaign, file)}
    withdrawn = read_withdrawn(store, campaign).ids
    if missing := [name for name, other in names.items() if name not in withdrawn and other not in withdrawn]:
        raise ConfigurationError(f"{missing[0]!r} is not withdrawn. Withdraw it first: labelcycle amend --withdraw.")
    return names


def _refuse_listed(state: State, names: Names) -> None:
    """See that no description names a sample: descriptions never change.

    Raises:
        ConfigurationError: one does.
    """
    versions = [state.campaign] if state.amended is None else state.amended.versions
    for campaign in versions:
        selector = campaign.recipe.selector
        if listed := sorted(set(names).intersection([*selector.exclude, *selector.include])):
            raise ConfigurationError(
                f"{listed[0]!r} stands in the recipe's list of samples to include or to leave out, in the campaign's "
                "description, which cannot be changed. Begin another campaign without it."
            )


def _to_be_written(store: Store, names: Names, erased: Erased) -> Iterator[ErasedObject]:
    """The objects that have one of the samples, with their digests before and after."""
    keys = store.keys("")
    shown = set[str]()
    pictures = list[tuple[str, bytes]]()
    with Progress("look through objects", len(keys), "object") as progress:
        for key in keys:
            progress.advance(1)
            known = known_key(key)
            if known is None or key.startswith(f"{FOLDER}/"):
                continue
            if known.kind in NOT_OURS:
                erased.left += [key] if shows(store.read(key), names) else []
            elif known.kind in IN_PLACE:
                data = store.read(key)
                attempt = key.rpartition("/")[0]
                if in_place_of_pictures(key) is not None:
                    pictures.append((key, data))
                    shown |= {attempt} if key.endswith(".html") and shows(data, names) else set()
                elif (again := _without_samples(key, data, names)) is not None:
                    shown |= {attempt} if "/scores/" not in key else set()
                    yield ErasedObject(key=key, before=digest_of_bytes(data), after=digest_of_bytes(again))
    for key, data in pictures:
        again = in_place_of_pictures(key)
        if again is not None and again != data and key.rpartition("/")[0] in shown:
            yield ErasedObject(key=key, before=digest_of_bytes(data), after=digest_of_bytes(again))


def _without_samples(key: str, data: bytes, names: Names) -> bytes | None:
    """The content of an object without the samples; None where it has none of them."""
    if key.endswith(".csv"):
        return erased_csv(data, names)
    erase = BY_ENDING.get("." + key.rpartition(".")[2])
    return None if erase is None else erase(data, names)


def _record(store: Store, names: Names, plan: list[ErasedObject], reason: str) -> None:
    """Write down what is to be written again, before anything is; others may do the same at the same time."""
    while True:
        erasures = read_erasures(store)
        erasure = Erasure(
            number=len(erasures),
            time=now(),
            by=user(),
            reason=reason,
            samples=sorted(names.values()),
            objects=plan,
        )
        if store.write_if_absent(erasure_key(erasure.number), sealed(erasure.model_dump(mode="json"))):
            return


def _write_what_is_recorded(store: Store, names: Names, erased: Erased) -> None:
    """Write what erasures of these samples have still to write."""
    for erasure in read_erasures(store):
        if set(erasure.samples).isdisjoint(names.values()):
            continue
        for each in erasure.objects:
            try:
                data = store.read(each.key)
            except FileNotFoundError:
                continue
            if digest_of_bytes(data) != each.before:
                continue
            again = in_place_of_pictures(each.key) or _without_samples(each.key, data, names)
            if again is not None and digest_of_bytes(again) == each.after:
                store.write(each.key, again)
                erased.rewritten.append(each.key)


def _erase_features(store: Store, deleter: Deleter, names: Names, erased: Erased) -> None:
    """Write the parts of feature spaces that hold one of the samples anew, and delete the old ones."""
    gone = set(names)
    for space in store.folders("spaces/"):
        files, old = PartFiles(store, space), list[str]()
        listing = FeatureSpace(store, space).listing()
        for name in listing.parts:
            ids, features = files.read(name)
            kept = np.array([one not in gone for one in ids.to_pylist()], np.bool_)
            if kept.all():
                continue
            old.append(f"spaces/{space}/{name}")
            if kept.any():
                files.add([one for one in ids.to_pylist() if one not in gone], features[kept])
        for name in listing.quarantine:
            rows = files.were_set_aside([name])
            left = [row for row in rows if row["sample_id"] not in gone]
            if len(left) < len(rows):
                old.append(f"spaces/{space}/{name}")
                if left:
                    files.set_aside(left)
        indexes = [f"spaces/{space}/{each}" for each in _indexes(store, space)]
        stale = indexes if old or any(_names_any(store, key, names) for key in indexes if "/index-" not in key) else []
        _delete(deleter, [*stale, *old], erased)
        if stale and (now_there := FeatureSpace(store, space).listing()).parts:
            FeatureSpace(store, space).index_all(now_there)


def _erase_ids_of_pools(store: Store, deleter: Deleter, campaign: Campaign, names: Names, erased: Erased) -> None:
    """Delete the tables of ids beside the pool's that name one of the samples, and write that of the present pool."""
    keys = [key for key in store.keys("pool/ids/") if _names_any(store, key, names)]
    _delete(deleter, keys, erased)
    if keys:
        write_pool_ids(store, campaign.pool.sha256, with_schema(table_in(store.read(campaign.pool.key)), POOL))


def _names_any(store: Store, key: str, names: Names) -> bool:
    """Whether a table of ids has one of the samples."""
    return any(name in names for name in table_in(store.read(key))["sample_id"].to_pylist())


def _indexes(store: Store, space: str) -> list[str]:
    """Names of the index objects of a space, and of the tables of ids and of coordinates beside them."""
    names = (key.rpartition("/")[2] for key in store.keys(f"spaces/{space}/"))
    return [name for name in names if name.startswith(("index-", "ids-", "map-"))]


def _delete(deleter: Deleter, keys: Iterable[str], erased: Erased) -> None:
    wanted = set(keys)
    if not wanted:
        return
    found = [each for prefix in sorted({key.rpartition("/")[0] for key in wanted}) for each in deleter.objects(prefix)]
    mine = [each for each in found if each.key in wanted]
    deleter.delete(sorted(mine, key=lambda each: ("/part-" in each.key or "/quarantine-" in each.key, each.key)))
    erased.deleted += sorted(each.key for each in mine)
