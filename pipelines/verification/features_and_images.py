"""Whether feature spaces hold what the campaign's models were trained on, and images are still what they were."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc

from labelcycle.components.core.campaign.amendments import AmendedCampaign
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.pool import load_pool, splits_of_versions
from labelcycle.components.core.campaign.pool_ids import pool_ids
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.erasures import pseudonym, read_erasures
from labelcycle.components.core.storage.objects import read_record
from labelcycle.pipelines.verification.findings import ERASE_AGAIN, Finding
from labelcycle.pipelines.verification.known_objects import pruned_key


def check_spaces(store: Store, amended: AmendedCampaign, commits: list[Commit]) -> Iterator[Finding]:
    """Samples without features in the spaces of the committed models: the next stage that reads them would stop.

    Features of the pool that a backbone makes may be gone: the embed stage recomputes them.

    Args:
        store: the campaign's.
        amended: the campaign with its amendments: a model is tested with the test set of its cycle.
        commits: of its cycles.

    Cost: reads the ids of every feature part.
    """
    imported = amended.begun.backbone is None
    try:
        known_ever = splits_of_versions(store, amended.versions).keys()
        needed_in = _needed(store, amended, commits)
        erased = {name for erasure in read_erasures(store) for name in erasure.samples}
    except CampaignError:
        return  # reported where contents are checked
    for name, needed in sorted(needed_in.items()):
        space = FeatureSpace(store, name)
        try:
            known, aside = space.ids(), {row["sample_id"] for row in space.quarantined()}
        except CampaignError:
            continue  # reported where contents are checked
        key = f"spaces/{name}"
        foreign = sorted(known - known_ever)
        if any(pseudonym(amended.begun.identifier, each) in erased for each in foreign):
            yield Finding("inconsistent", key, ERASE_AGAIN)
        elif foreign:
            yield Finding("foreign", key, f"{len(foreign)} rows are of no sample of the campaign: {foreign[0]!r}, …")
        if lost := sorted(needed - known - aside):
            message = f"{len(lost)} samples {'' if imported else 'of the test set '}have no features: {lost[0]!r}, … "
            if store.exists(pruned_key(name)):
                yield Finding("note", key, "Its features were pruned. Only labelcycle replay of its cycles reads them.")
                continue
            remedy = "make them with the same labelcycle init" if imported else "run the embed stage again"
            yield Finding("missing", key, f"{message}Restore them, or {remedy}.")
        if not store.exists(f"{key}/space.json"):
            reader = "labelcycle predict and export read it" if imported else "no stage reads it"
            remark = f"It recorded what the features were made from; {reader}."
            yield Finding("note", f"{key}/space.json", remark)


def _needed(store: Store, amended: AmendedCampaign, commits: list[Commit]) -> dict[str, set[str]]:
    """The samples that the spaces of all trained models must hold, by the name of the space."""
    found: dict[str, set[str]] = {}
    of_version: dict[str, set[str]] = {}
    for commit in commits:
        try:
            if "training" not in commit.objects:
                continue
            space = read_record(store, commit.objects["training"], TrainingFacts).space
            campaign = amended.as_of(commit.objects.get("amendment"))
        except CampaignError:
            continue  # reported where contents are checked
        if campaign.pool.key not in of_version:
            ids = pool_ids(store, campaign)
            if campaign.backbone is not None:
                ids = ids.filter(pc.equal(ids["split"], "test"))
            of_version[campaign.pool.key] = set(ids["sample_id"].to_pylist())
        found.setdefault(space, set()).update(of_version[campaign.pool.key])
    return found


AT_ONCE = 8


def check_images(store: Store, campaign: Campaign, advance: Callable[[], None]) -> Iterator[Finding]:
    """Images that are gone, cannot be read, or have changed since the campaign began.

    They are named as notes: each stage that reads an image checks it, and sets it aside.

    Cost: reads every image once; memory for `AT_ONCE` of them.
    """
    pool = load_pool(store, campaign)
    columns = (pool[name].to_pylist() for name in ("sample_id", "uri", "sha256"))
    samples = [(name, uri, sha256) for name, uri, sha256 in zip(*columns, strict=True) if uri and sha256]

    def look(sample: tuple[str, str, str]) -> Finding | None:
        name, uri, sha256 = sample
        try:
            read_unchanged_image(uri, sha256)
        except UnreadableImage as error:
            return Finding("note", uri, f"The image of sample {name!r}: {error}. Restore it, or it is set aside.")
        finally:
            advance()
        return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from (finding for finding in threads.map(look, samples) if finding is not None)


def images_of(store: Store, campaign: Campaign) -> int:
    """How many images there are to be looked at."""
    pool = load_pool(store, campaign)
    return sum(sha256 is not None for sha256 in pool["sha256"].to_pylist())
