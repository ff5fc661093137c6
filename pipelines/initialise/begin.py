"""Begin a campaign: gather samples, labels and settings, check them together, and write `campaign.json` last."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from labelcycle.components.core.campaign import starting_labels
from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.campaign import (
    KEY,
    TAKEN,
    Campaign,
    KnownLabels,
    create_campaign,
    load_campaign,
    validated_campaign,
)
from labelcycle.components.core.campaign.watch_rules import check_watching, watched_address
from labelcycle.components.core.config.embedding import TextEncoder
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.tables import QUARANTINE, TRUTH
from labelcycle.components.core.storage.unwritten import UnwrittenStore
from labelcycle.pipelines.initialise.base_features import base_features, refuse_missing_backbone
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.caption_sources import read_captions, wants_captions
from labelcycle.pipelines.initialise.division import Division, divide
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from labelcycle.pipelines.initialise.image_sources import samples_of_images
from labelcycle.pipelines.initialise.known_labels import (
    check_validation,
    classes_of,
    ids_of,
    refuse_two_annotators,
    tell_of_classes_on_one_side,
    with_objective,
    with_validation,
)
from labelcycle.pipelines.initialise.notify_settings import notify_of
from labelcycle.pipelines.initialise.query_settings import (
    check_groups,
    check_rechecks,
    check_strategies,
    of_pool_alone,
    reads_texts,
    with_lists,
    without_lists,
    without_unlabelled,
)
from labelcycle.pipelines.initialise.reading import Reading, kind_of
from labelcycle.pipelines.initialise.samples import Samples, labels_source, write_pool, write_table
from labelcycle.pipelines.initialise.sizes import (
    as_data_selection,
    as_single_shot,
    batch_of,
    check_sizes,
    initial_of,
    with_batch,
    with_testing,
)
from labelcycle.pipelines.initialise.who_labels import check_labelling, check_links, labelling_of
from labelcycle.pipelines.initialise.zero_shot_start import with_zero_shot, zero_shot_of
from labelcycle.pipelines.recipes.catalogue import recipe_path


@dataclass(frozen=True)
class Begun:
    """The campaign, and what was made of the samples.

    Attributes:
        campaign: the campaign.
        created: whether this call created it.
        counts: how many samples went where.
        reading: how the source of samples was read; None where nothing was told.
        set_aside: how many samples cannot be used, by reason.
        known: samples of the pool whose labels are known from the beginning, by class.
        held: test samples, by class.
        amended: whether it was there and has been amended since it began.
    """

    campaign: Campaign
    created: bool
    counts: dict[str, int]
    reading: Reading | None = None
    set_aside: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    amended: bool = False


def begin_campaign(root: str, settings: CampaignSettings, write: bool = True) -> Begun:
    """Create the campaign that `settings` describe; asking again for the same one changes nothing.

    Args:
        root: where it will live: a folder or `s3://bucket/prefix`.
        settings: all else. Paths in them are relative to the working directory.
        write: write it; else all is read and checked as if it were written, but nothing is.

    Raises:
        ConfigurationError: settings that contradict each other or the data.
        InputError: unusable images, embeddings, labels or test set.
        CampaignError: the root belongs to another campaign, or to a newer labelcycle.
    """
    recipe = read_recipe(recipe_path(settings.recipe), settings.recipe_changes)
    labelling, notify = labelling_of(settings), notify_of(settings.notify)
    settings = with_batch(settings, recipe, settings.classes)
    settings = as_single_shot(as_data_selection(settings, recipe.data_selection), recipe)
    recipe = with_zero_shot(settings, recipe)
    check_strategies(recipe, settings.pool_labels, wants_captions(settings), settings.zero_shot)
    check_labelling(settings, labelling, recipe)
    store = open_store(root) if write else UnwrittenStore(open_store(root))
    _refuse_other_campaign(store, settings, recipe)
    refuse_missing_backbone(settings)
    samples = _samples(settings, recipe)
    if samples.reading is not None:
        notice(samples.reading.line)
    refuse_two_annotators(settings, samples)
    samples = with_validation(settings, samples)
    division = divide(settings, recipe, samples)
    captions, encoder = _captions(store, settings, recipe, samples, division.labels)
    classes = classes_of(settings, {**division.labels, **division.test})
    settings = with_batch(settings, recipe, classes)
    if missing := sorted(set(classes) - set(division.known.values())) if division.known else []:
        notice(f"No label of these classes is known: {', '.join(missing)}.")
    if recipe.data_selection is not None:
        classes, division.truth = with_objective(recipe.data_selection, classes, division.truth)
    recipe = _with_lists(settings, recipe, samples, division)
    division.draw_test_set(settings, recipe, samples)
    division.look_for_leaks(settings, samples)
    if settings.drop_leaks:
        recipe = of_pool_alone(recipe, division.splits)
    tell_of_classes_on_one_side(division.test, division.labels, division.splits)
    settings = _checked(settings, recipe, samples, division)
    check_links(labelling, samples.uris)
    quarantined = sorted([*samples.quarantined, *division.set_aside], key=lambda row: row["sample_id"])
    backbone, base_space = base_features(store, settings, recipe, samples, division.splits)
    zero_shot = zero_shot_of(store, settings, backbone, classes)
    pool = write_pool(store, samples, division.splits, division.groups, captions)
    told = division.truth if recipe.data_selection else None
    campaign = validated_campaign(
        name=settings.name or _name_of(store.root),
        classes=classes,
        recipe=recipe,
        budget=settings.budget,
        batch=batch_of(settings),
        initial=initial_of(settings),
        seed=settings.seed,
        prices=_prices(settings),
        backbone=backbone,
        base_space=base_space,
        pool=pool,
        truth=write_table(store, "truth", _truth_table(division.truth).sort_by("sample_id")),
        quarantine=write_table(store, "quarantine", pa.Table.from_pylist(quarantined, schema=QUARANTINE)),
        labels_from=labels_source(store, settings, samples, division.splits, told, pool, division.testing > 0),
        labelling=labelling,
        max_unreadable_share=settings.max_unreadable,
        text_encoder=encoder,
        known_labels=_kept_labels(store, division.known, settings.count_known),
        test_from_budget=division.testing,
        notify=notify,
        zero_shot=zero_shot,
        watch_images=None if settings.watch_images is None else watched_address(settings.watch_images),
    )
    check_rechecks(recipe, campaign.labels_from)
    check_watching(campaign, settings.pool_labels)
    created = create_campaign(store, campaign)
    counts = division.counts
    if division.testing:
        counts["test, still to be labelled"] = counts.pop("test")
    return Begun(
        campaign,
        created,
        {**counts, "quarantined": len(quarantined), "with known labels": len(division.known)},
        reading=samples.reading,
        set_aside=Counter(kind_of(row["reason"]) for row in quarantined),
        known=Counter(division.known.values()),
        held=division.held,
        amended=not created and bool(read_amended_campaign(store).amendments),
    )


def _with_lists(settings: CampaignSettings, recipe: Recipe, samples: Samples, division: Division) -> Recipe:
    """The recipe with the samples that it leaves out and those that it asks for first."""
    if settings.exclude or settings.include or recipe != without_lists(recipe):
        recipe = with_lists(recipe, settings.exclude, settings.include, ids_of(samples), division.splits)
    if settings.play_annotator:
        recipe = without_unlabelled(recipe, division.labels.keys(), division.splits)
    return recipe


def _checked(settings: CampaignSettings, recipe: Recipe, samples: Samples, division: Division) -> CampaignSettings:
    """The settings, with the batch that follows from the division; refuses sizes that the samples are too few for."""
    check_validation(recipe, division.counts["val"])
    check_groups(recipe, division.groups_of_pool)
    settings = with_testing(settings, recipe, division.testing)
    came_along = len(division.known.keys() & samples.labels.keys()) if samples.labels_known else 0
    left = division.counts["pool"] - len(division.known) - len(recipe.selector.exclude)
    check_sizes(settings, recipe, left, division.testing, len(division.known), came_along)
    return settings


def _prices(settings: CampaignSettings) -> dict[str, float]:
    return {
        "label": settings.label_price,
        "annotators_per_label": settings.annotators_per_label or settings.quorum,
        "cpu_hour": settings.price_cpu_hour,
        "gpu_hour": settings.price_gpu_hour,
    }


def _truth_table(labels: Mapping[str, str]) -> pa.Table:
    return pa.table([list(labels), list(labels.values())], schema=TRUTH)


def _kept_labels(store: Store, known: dict[str, str], in_budget: bool) -> KnownLabels | None:
    if not known:
        return None
    return KnownLabels(table=write_table(store, starting_labels.FOLDER, _truth_table(known)), in_budget=in_budget)


def _samples(settings: CampaignSettings, recipe: Recipe) -> Samples:
    if (settings.images is None) == (settings.embeddings is None):
        raise ConfigurationError("A campaign starts from either --images or --embeddings. Give one of them.")
    if settings.images is not None:
        return samples_of_images(settings)
    if settings.folder_labels:
        raise ConfigurationError("--folder-labels is about folders of images. Leave it out with --embeddings.")
    if settings.play_annotator:
        raise ConfigurationError("Labels of embeddings play the annotator anyway. Leave --play-annotator out.")
    assert settings.embeddings is not None
    if recipe.needs_images:
        what = "trains on images" if recipe.trains_on_images else "recomputes features from images (alignment)"
        raise ConfigurationError(
            f"Recipe {recipe.name!r} {what} and cannot use embeddings. "
            "Give --images, or choose a recipe for frozen features such as uherding."
        )
    return samples_from_embeddings(settings.embeddings, classes=settings.classes or None)


def _captions(
    store: Store, settings: CampaignSettings, recipe: Recipe, samples: Samples, labels: dict[str, str]
) -> tuple[dict[str, str], TextEncoder | None]:
    """The captions by id, and the encoder of their features where the recipe reads these.

    Classes are put into captions only where the pool's labels may be read.
    """
    asked = wants_captions(settings)
    needed = reads_texts(recipe, asked)
    if not asked and not needed:
        return {}, None
    if settings.caption_template is not None and not settings.pool_labels:
        raise ConfigurationError(
            "--caption-template puts classes into captions, so the labels of the pool must be known: give "
            "--pool-labels."
        )
    known = labels if settings.pool_labels else {}
    captions = read_captions(settings.captions, settings.caption_template, settings.domain, ids_of(samples), known)
    if not needed:
        notice(f"Captions are kept, but recipe {recipe.name!r} does not read them.")
        return captions, None
    from labelcycle.pipelines.initialise.caption_sources import DEFAULT, resolve_text_encoder

    return captions, resolve_text_encoder(store, settings.text_encoder or DEFAULT)


def _refuse_other_campaign(store: Store, settings: CampaignSettings, recipe: Recipe) -> None:
    """Stop before any work where the root's campaign differs in its settings; differing data is found at the end."""
    if not store.exists(KEY):
        return
    existing = load_campaign(store)
    asked = {
        "name": settings.name or _name_of(store.root),
        "recipe": without_lists(recipe),
        "budget": settings.budget,
        "batch": settings.batch,
        "seed": settings.seed,
    }
    for name, value in asked.items():
        there = without_lists(existing.recipe) if name == "recipe" else getattr(existing, name)
        if value is not None and there != value:
            raise CampaignError(
                f"{store.root} already belongs to campaign {existing.identifier!r}, which began with another {name}"
                f"{'' if name == 'recipe' else f', {there}'}. {TAKEN}"
            )


def _name_of(root: str) -> str:
    last = root.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64] or "campaign"
