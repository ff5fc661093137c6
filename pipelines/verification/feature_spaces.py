"""Whether the feature spaces hold what the campaign's models were made with."""

from collections.abc import Iterator

from labelcycle.components.core.campaign import Campaign, load_pool
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.objects import read_json
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.verification.findings import Finding


def check_spaces(store: Store, campaign: Campaign, commits: list[Commit]) -> Iterator[Finding]:
    """Samples without features in the spaces of the committed models: the next stage that reads them would stop.

    Features of the pool that a backbone makes may be gone: the embed stage makes them anew.

    Cost: reads the ids of every feature part.
    """
    try:
        pool = load_pool(store, campaign)
    except CampaignError:
        return  # told where contents are checked
    ids = set(pool["sample_id"].to_pylist())
    rows = zip(pool["sample_id"].to_pylist(), pool["split"].to_pylist(), strict=True)
    imported = campaign.backbone is None
    needed = ids if imported else {name for name, split in rows if split == "test"}
    for name in sorted(_spaces_in_use(store, commits)):
        space = FeatureSpace(store, name)
        try:
            known, aside = space.ids(), {row["sample_id"] for row in space.quarantined()}
        except CampaignError:
            continue  # told where contents are checked
        place = f"spaces/{name}"
        if foreign := sorted(known - ids):
            yield Finding("foreign", place, f"{len(foreign)} rows are of no sample of the campaign: {foreign[0]!r}, …")
        if lost := sorted(needed - known - aside):
            message = f"{len(lost)} samples {'' if imported else 'of the test set '}have no features: {lost[0]!r}, … "
            remedy = "make them with the same labelcycle init" if imported else "run the embed stage again"
            yield Finding("missing", place, f"{message}Restore them, or {remedy}.")
        if not store.exists(f"{place}/space.json"):
            reader = "labelcycle predict and export read it" if imported else "no stage reads it"
            told = f"It told what the features were made from; {reader}."
            yield Finding("note", f"{place}/space.json", told)


def _spaces_in_use(store: Store, commits: list[Commit]) -> set[str]:
    """The spaces of all trained models."""
    found: set[str] = set()
    for commit in commits:
        try:
            if "training" in commit.objects:
                found.add(read_json(store, commit.objects["training"])["space"])
        except (CampaignError, KeyError):
            continue  # told where contents are checked
    return found
