"""What an amendment changes of a campaign's samples: which there are, and which measure the model."""

from dataclasses import dataclass

from pydantic import JsonValue

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool_ids import pool_ids
from labelcycle.components.core.campaign.sample_tables import read_sample_tables, write_sample_tables
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.watch_rules import check_watching, watched_address
from labelcycle.components.core.storage import Store

SPLITS = {"pool": "the pool", "val": "the validation split", "test": "the test set"}
"""What splits are called in sentences."""


@dataclass(frozen=True)
class WantedSamples:
    """What is to be different of the samples; None and empty for what stays.

    Attributes:
        images: new ones: a folder or prefix, a manifest, or files that hold images.
        embeddings: a file of new rows.
        test: a label file, or a folder of them, of samples that join the test set.
        withdraw: a file that names samples to be taken out.
        watch_images: a folder or prefix whose new images join at each cycle; empty to watch none any more.
        drop_leaks: set new samples aside that are nearly the same as a test sample.
    """

    images: str | None = None
    embeddings: str | None = None
    test: str | None = None
    withdraw: str | None = None
    watch_images: str | None = None
    drop_leaks: bool = False

    @property
    def any(self) -> bool:
        """Whether anything is to change."""
        return self != WantedSamples(drop_leaks=self.drop_leaks)


def changes_of_samples(store: Store, state: State, campaign: Campaign, wanted: WantedSamples) -> dict[str, JsonValue]:
    """The tables that differ, as an amendment names them. They are written; nobody reads them before it names them.

    Args:
        store: the campaign's.
        state: the campaign's.
        campaign: as it is with the amendment's other changes.
        wanted: what is to change.

    Raises:
        ConfigurationError: nothing would change, or it contradicts the campaign.
        InputError: what was given cannot be used.
    """
    if not wanted.any:
        return {}
    before = after = read_sample_tables(store, campaign)
    if wanted.withdraw is not None:
        from labelcycle.pipelines.amending.withdraw import without_listed

        after = without_listed(store, state, after, wanted.withdraw)
    if wanted.images is not None or wanted.embeddings is not None:
        from labelcycle.pipelines.amending import more_samples

        if wanted.images is not None:
            after = more_samples.with_more_images(store, campaign, after, wanted.images, wanted.drop_leaks)
        if wanted.embeddings is not None:
            after = more_samples.with_more_embeddings(store, campaign, after, wanted.embeddings, wanted.drop_leaks)
    if wanted.test is not None:
        from labelcycle.pipelines.amending.larger_test_set import with_tested

        after = with_tested(store, state, campaign, after, wanted.test)
    changes = write_sample_tables(store, before, after)
    if wanted.watch_images is not None:
        watched = watched_address(wanted.watch_images) if wanted.watch_images else None
        if watched != campaign.watch_images:
            check_watching(campaign.amended({"watch_images": watched}), after.knows_pool)
            changes["watch_images"] = watched
    if campaign.test_from_budget:
        left = sum(split == "test" for split in after.splits.values())
        if left != campaign.test_from_budget:
            changes["test_from_budget"] = left
    return changes


def counts_of_samples(store: Store, before: Campaign, after: Campaign) -> dict[str, int]:
    """How many samples an amendment concerns, by what becomes of them, for people.

    Cost: the ids of the two pools, where they differ.
    """
    if before.pool == after.pool:
        return {}
    then, now = (_splits(store, campaign) for campaign in (before, after))
    counts = {
        f"new in {SPLITS[split]}": sum(name not in then and where == split for name, where in now.items())
        for split in SPLITS
    }
    counts["moved from the pool to the test set"] = sum(
        then.get(name) == "pool" and where == "test" for name, where in now.items()
    )
    counts["withdrawn"] = len(then.keys() - now.keys())
    return {what: count for what, count in counts.items() if count}


def _splits(store: Store, campaign: Campaign) -> dict[str, str]:
    table = pool_ids(store, campaign)
    return dict(zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True))
