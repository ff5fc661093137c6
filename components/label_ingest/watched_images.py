"""Images that have come into the folder or prefix that a campaign watches: they join it before its next cycle begins.

What was found is written down as an amendment, so that the cycle is made of it whenever it is made again, and whatever
comes into the folder meanwhile.
"""

from labelcycle.components.core.campaign.amendments import Amendment, append_amendment
from labelcycle.components.core.campaign.joining import JoiningSamples, joined, sort_found
from labelcycle.components.core.campaign.sample_tables import SampleTables, read_sample_tables, write_sample_tables
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.runtime.authorship import now, user
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.sample_ids import fault_of_id


def take_in_watched_images(store: Store, state: State) -> bool:
    """Let images that are new in the watched folder join the campaign, by an amendment.

    Ids are paths below the folder. Files that cannot be read now are looked at again by the next cycle, since somebody
    may be writing them. Copies of images that the campaign has, or that were withdrawn, are set aside.

    Args:
        store: the campaign's.
        state: the campaign's.

    Returns:
        Whether the campaign was amended, by this run or another one, so that it has to be read again.

    Raises:
        ConfigurationError: the folder is gone, or images may not come from there.

    Cost: nothing where no folder is watched; else a listing, and a read of each image that is new there.
    """
    folder = state.campaign.watch_images
    if folder is None or state.amended is None:
        return False
    before = read_sample_tables(store, state.campaign)
    found = _found(folder, before)
    after, counts = _with(before, found, folder)
    changes = write_sample_tables(store, before, after)
    if not changes:
        return False
    amendment = Amendment(
        number=len(state.amended.amendments),
        previous=state.amended.digest,
        time=now(),
        by=user(),
        reason=f"found in {folder}",
        cycles=len(state.commits),
        changes=changes,
        counts=counts,
    )
    append_amendment(store, amendment)
    return True


def _found(folder: str, tables: SampleTables) -> JoiningSamples:
    """The images of the folder that the campaign does not know by their addresses or ids."""
    from labelcycle.components.core.images.inspection import Found, inspect_images
    from labelcycle.components.core.images.listing import list_images

    known = {*tables.pool["uri"].to_pylist(), *tables.quarantine["uri"].to_pylist()}
    listed = list_images(folder).images
    gone = tables.withdrawn_among(listed)
    unseen = [
        Found(name, uri)
        for name, uri in listed.items()
        if uri not in known and name not in gone and fault_of_id(name) is None
    ]
    if not unseen:
        return JoiningSamples({})
    inspected = inspect_images(unseen, len(unseen))
    if inspected.quarantined:
        first = inspected.quarantined[0]
        notice(
            f"{folder}: {len(inspected.quarantined):,} new images cannot be read and are looked at again by the next "
            f"cycle, first {first['sample_id']!r}: {first['reason']}."
        )
    return JoiningSamples(dict(inspected.uris), inspected.digests)


def _with(tables: SampleTables, found: JoiningSamples, folder: str) -> tuple[SampleTables, dict[str, int]]:
    """The tables with what was found, and how many samples that is, for people."""
    sorted_out = sort_found(tables, found)
    if sorted_out.clashes:
        first = sorted_out.clashes[0]
        notice(
            f"{folder}: {len(sorted_out.clashes):,} images have ids of other images of the campaign and are passed "
            f"over, first {first!r}. Give them other names."
        )
    aside = [*sorted_out.aside, *sorted_out.repeats]
    if sorted_out.new or aside:
        notice(f"{folder}: {len(sorted_out.new):,} new images join the pool, {len(aside):,} copies are set aside.")
    counts = {"new in the pool": len(sorted_out.new), "set aside": len(aside)}
    after = joined(tables, found, sorted_out.new, aside)
    return after, {what: count for what, count in counts.items() if count}
