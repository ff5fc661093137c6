"""Samples that join a campaign which has begun: new images, or new rows of embeddings."""

import numpy as np

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.joining import JoiningSamples, Sorted, joined, sort_found
from labelcycle.components.core.campaign.sample_tables import SampleTables
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.provenance import ImportedProvenance
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.images.inspection import Found, inspect_images
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.initialise.base_features import import_features
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from labelcycle.pipelines.initialise.image_sources import samples_of_images
from labelcycle.pipelines.initialise.leaks import find_leaks, set_aside, tell_of_leaks
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.who_labels import check_links


def with_more_images(
    store: Store, campaign: Campaign, tables: SampleTables, source: str, drop_leaks: bool = False
) -> SampleTables:
    """The tables with the images that a source has and the campaign has not.

    Args:
        store: the campaign's.
        campaign: the campaign.
        tables: of its samples.
        source: as `labelcycle init` takes it: a folder or prefix, a manifest, or files that hold images.
        drop_leaks: set new samples aside that are nearly the same as a test sample.

    Raises:
        ConfigurationError: the campaign has embeddings, or nothing is new.
        InputError: too many images cannot be used, or ids are those of other images of the campaign.

    Cost: reads every image that is not known by its address, and for leaks every test image.
    """
    if campaign.backbone is None:
        raise ConfigurationError("The campaign has embeddings and no images. Give new rows with --embeddings.")
    if campaign.text_encoder is not None:
        raise ConfigurationError(
            f"Recipe {campaign.recipe.name!r} reads captions, which new images cannot bring along yet. Begin another "
            "campaign with labelcycle init."
        )
    known = {uri for uri in tables.pool["uri"].to_pylist() if uri is not None}
    names, most = campaign.understood_classes, campaign.max_unreadable_share
    settings = CampaignSettings(images=source, max_unreadable=most, classes=names)
    samples = samples_of_images(settings, known)
    check_links(campaign.labelling, samples.uris)
    return _with_new(campaign, tables, samples, source, _Leaks(drop_leaks, None))


def with_more_embeddings(
    store: Store, campaign: Campaign, tables: SampleTables, source: str, drop_leaks: bool = False
) -> SampleTables:
    """The tables with the rows of a file of embeddings that the campaign has not; their features are written.

    They are centred and scaled as the campaign's own are.

    Raises:
        ConfigurationError: the campaign has images, or nothing is new.
        InputError: vectors of another width, or another vector for a sample that the campaign has.
    """
    if campaign.backbone is not None:
        raise ConfigurationError("The campaign makes its features from images. Give new ones with --images.")
    space = FeatureSpace(store, campaign.base_space)
    provenance = space.provenance()
    scale = provenance.feature_scale if isinstance(provenance, ImportedProvenance) else None
    samples = samples_from_embeddings(source, scale, campaign.understood_classes)
    _check_vectors(space, samples, source)
    after = _with_new(campaign, tables, samples, source, _Leaks(drop_leaks, space))
    assert samples.features is not None
    splits = after.splits
    rows = [row for row, name in enumerate(samples.uris) if name in splits]
    ids = list(samples.uris)
    import_features(space, [ids[row] for row in rows], samples.features[rows], splits)
    return after


class _Leaks:
    """Finds new samples that are nearly the same as test samples."""

    def __init__(self, drop: bool, space: FeatureSpace | None) -> None:
        self._drop, self._space = drop, space

    def without(self, tables: SampleTables, samples: Samples, new: list[str]) -> tuple[list[str], list[dict[str, str]]]:
        """The new samples that join, and rows for those that are set aside."""
        columns = (tables.pool[name].to_pylist() for name in ("sample_id", "uri", "split"))
        test = {name: uri for name, uri, split in zip(*columns, strict=True) if split == "test"}
        splits = {name: "pool" for name in new if samples.splits.get(name, "pool") == "pool"}
        if not test or not splits:
            return new, []
        together = self._together(samples, list(splits), test)
        leaks = find_leaks(together, splits | dict.fromkeys(test, "test"), self._drop)
        tell_of_leaks(leaks, self._drop)
        if not self._drop:
            return new, []
        aside = {leak.sample_id: set_aside(together, leak) for leak in leaks}
        return [name for name in new if name not in aside], list(aside.values())

    def _together(self, samples: Samples, new: list[str], test: dict[str, str | None]) -> Samples:
        """New samples and test samples, with what they are compared by."""
        uris = {name: samples.uris[name] for name in new}
        if self._space is None:
            found = inspect_images([Found(name, uri) for name, uri in test.items() if uri], len(test))
            thumbnails = {name: samples.thumbnails[name] for name in new} | found.thumbnails
            return Samples(uris=uris | {name: test[name] for name in found.uris}, thumbnails=thumbnails)
        ids, features = self._space.read(list(test))
        assert samples.features is not None
        row = {name: number for number, name in enumerate(samples.uris)}
        own = samples.features[[row[name] for name in new]]
        return Samples(uris=uris | dict.fromkeys(ids), features=np.concatenate([own, features]))


def _with_new(campaign: Campaign, tables: SampleTables, samples: Samples, source: str, leaks: _Leaks) -> SampleTables:
    labels = {name: campaign.class_of(label) for name, label in samples.labels.items()}
    found = JoiningSamples(samples.uris, samples.sha256, samples.quarantined, samples.splits, labels)
    sorted_out = sort_found(tables, found)
    _refuse_clashes(sorted_out, source)
    new, leaking = leaks.without(tables, samples, sorted_out.new)
    aside = [*sorted_out.aside, *leaking]
    others = _what_became_of_others(sorted_out, samples.known, aside)
    if not new:
        why = f": {others}" if others else ""
        raise ConfigurationError(
            f"{source} has no sample that the campaign could take in, so nothing would change{why}."
        )
    notice(f"{source}: {len(new):,} new sample{'' if len(new) == 1 else 's'}{'; ' if others else ''}{others}.")
    _check_labels(campaign, tables, found, new, source)
    return joined(tables, found, new, aside)


def _refuse_clashes(sorted_out: Sorted, source: str) -> None:
    if sorted_out.clashes:
        first = sorted_out.clashes[0]
        raise InputError(
            f"{source}: {len(sorted_out.clashes)} ids are those of other images of the campaign, or of images that "
            f"have changed since: {first!r}. Give them other names, or name them by the column sample_id of a manifest."
        )


def _what_became_of_others(sorted_out: Sorted, known: int, aside: list[dict[str, str]]) -> str:
    """Why samples that a source has are not new ones, in words."""
    parts = []
    if there := sorted_out.there + known:
        parts.append(f"{there:,} {'is' if there == 1 else 'are'} in the campaign already and passed over")
    if gone := sorted_out.withdrawn:
        parts.append(
            f"{gone:,} {'was' if gone == 1 else 'were'} withdrawn before and {'stays' if gone == 1 else 'stay'} out"
        )
    if aside:
        first = aside[0]
        parts.append(f"{len(aside):,} set aside, first {first['sample_id']!r}: {first['reason']}")
    return "; ".join(parts)


def _check_labels(campaign: Campaign, tables: SampleTables, found: JoiningSamples, new: list[str], source: str) -> None:
    """See that new samples have the labels that the campaign needs of them, and tell of those that it does not.

    Raises:
        InputError: one has none, or a class that the campaign lacks.
    """
    of_pool = [name for name in new if found.split(name) == "pool"]
    held_out = [name for name in new if found.split(name) != "pool"]
    plays = tables.answers is not None or tables.knows_pool
    wanted = [*held_out, *(of_pool if plays else [])]
    if unlabelled := [name for name in wanted if name not in found.labels]:
        why = "measures the model" if unlabelled[0] in held_out else "is of a campaign whose labels are all known"
        raise InputError(
            f"{source}: {len(unlabelled)} samples need a label and have none: {unlabelled[0]!r} {why}. Give it one."
        )
    if unknown := [name for name in wanted if found.labels[name] not in campaign.classes]:
        first = unknown[0]
        raise InputError(
            f"{source}: {found.labels[first]!r} of {first!r} is not one of the campaign's classes: "
            f"{', '.join(sorted(campaign.classes))}."
        )
    if not plays and (unused := sum(name in found.labels for name in of_pool)):
        notice(f"{source}: labels of {unused:,} new samples of the pool are not read: people give them when asked.")


def _check_vectors(space: FeatureSpace, samples: Samples, source: str) -> None:
    """See that vectors are as wide as the campaign's, and the same where it has them.

    Raises:
        InputError: they are not.
    """
    assert samples.features is not None
    listing = space.listing()
    there = space.ids(listing)
    width = samples.features.shape[1]
    known = [name for name in samples.uris if name in there]
    some = known or sorted(there)[:1]
    ids, features = space.read(some)
    if features.shape[1] != width:
        raise InputError(
            f"{source}: vectors have {width} numbers, those of the campaign {features.shape[1]}. "
            "Give those of the same model."
        )
    if not known:
        return
    row = {name: number for number, name in enumerate(samples.uris)}
    mine = samples.features[[row[name] for name in ids]]
    if len(different := np.flatnonzero((mine != features).any(axis=1))):
        raise InputError(
            f"{source}: {len(different)} samples that the campaign has come with other vectors, first "
            f"{ids[different[0]]!r}. Vectors stay as they began: give new samples ids of their own."
        )
