"""Begin a campaign: gather samples, labels and settings, check them together, and write `campaign.json` last."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign import (
    KEY,
    Backbone,
    Campaign,
    Precision,
    create_campaign,
    load_campaign,
    validated_campaign,
)
from labelcycle.components.core.data_selection import REST, DataSelection
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.objects import ObjectReference, write_object
from labelcycle.components.core.observation import Progress, notice
from labelcycle.components.core.recipe import Recipe, read_recipe
from labelcycle.components.core.schemas import POOL, QUARANTINE, TRUTH
from labelcycle.components.core.spaces import FeatureSpace, backbone_provenance, space_name
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.tables import table_bytes
from labelcycle.components.core.text_encoder import TextEncoder
from labelcycle.components.core.trainers import LoraTrainer
from labelcycle.components.label_ingest.label_file import SampleIds, read_label_file
from labelcycle.pipelines.initialise.captions import read_captions
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from labelcycle.pipelines.initialise.images import samples_from_images
from labelcycle.pipelines.initialise.queries import (
    check_groups,
    check_strategies,
    reads_texts,
    with_lists,
    without_lists,
)
from labelcycle.pipelines.initialise.sample_lists import read_groups
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.splits import assign_splits, hold_out
from labelcycle.pipelines.recipes.catalogue import recipe_path

IMPORT_ROWS = 16_384
OWN_LABELS = "oracle"
"""The folder of labels that came inside an embeddings file; they play the annotator."""


@dataclass(frozen=True)
class Request:
    """What the user asked for; the flags of `labelcycle init`.

    A `batch` of None is what the recipe asks for a class, times the classes, or else a tenth of the budget.
    """

    root: str
    recipe: str
    budget: int
    batch: int | None = None
    images: str | None = None
    embeddings: str | None = None
    labels_from: str | None = None
    test: str | None = None
    val: str | None = None
    test_share: float = 0.1
    initial: int | None = None
    classes: list[str] = field(default_factory=list)
    name: str | None = None
    seed: int = 0
    backbone: str | None = None
    weights: str | None = None
    precision: Precision = "float32"
    image_size: int | None = None
    interpolation: str | None = None
    crop_share: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    exclude: str | None = None
    include: str | None = None
    groups: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    label_price: float = 1.0
    annotators_per_label: int = 1
    price_cpu_hour: float = 0.0
    price_gpu_hour: float = 0.0
    max_unreadable_share: float = 0.05
    pool_labels: bool = False
    captions: str | None = None
    caption_template: str | None = None
    domain: str | None = None
    text_encoder: str | None = None


@dataclass(frozen=True)
class Begun:
    """The campaign, whether this call created it, and how many samples went where."""

    campaign: Campaign
    created: bool
    counts: dict[str, int]


def begin_campaign(request: Request) -> Begun:
    """Create the campaign that `request` describes; asking again for the same one changes nothing.

    Raises:
        ConfigurationError: settings that contradict each other or the data.
        InputError: unusable images, embeddings, labels or test set.
        CampaignError: the root belongs to another campaign, or to a newer labelcycle.
    """
    recipe = read_recipe(recipe_path(request.recipe), request.overrides)
    request = _with_batch(request, recipe, request.classes)
    request = _as_single_shot(_as_data_selection(request, recipe.data_selection), recipe)
    check_strategies(recipe, request.pool_labels, _wants_captions(request))
    store = open_store(request.root)
    _refuse_other_campaign(store, request, recipe)
    samples = _with_validation(request, _samples(request, recipe))
    labels = _labels(request, samples)
    test = _test(request, samples, labels)
    splits, copies = assign_splits(samples, test)
    truth = {**{name: labels[name] for name, split in splits.items() if split == "val"}, **test}
    if request.pool_labels:
        truth |= _pool_labels(labels, splits)
    truth = {name: label for name, label in truth.items() if name in splits}
    captions, encoder = _captions(store, request, recipe, samples, labels)
    classes = _classes(request, {**labels, **test})
    request = _with_batch(request, recipe, classes)
    if recipe.data_selection is not None:
        classes, truth = _with_objective(recipe.data_selection, classes, truth)
    counts = {split: list(splits.values()).count(split) for split in ("pool", "val", "test")}
    if request.exclude or request.include or recipe != without_lists(recipe):
        recipe = with_lists(recipe, request.exclude, request.include, _ids(samples), splits)
    groups = read_groups(request.groups, _ids(samples)) if request.groups is not None else {}
    _check_validation(recipe, counts["val"])
    check_groups(recipe, {groups[name] for name, split in splits.items() if split == "pool" and name in groups})
    _check_sizes(request, recipe, counts["pool"] - len(recipe.selector.exclude))
    quarantined = sorted([*samples.quarantined, *copies], key=lambda row: row["sample_id"])
    backbone, base_space = _features(store, request, recipe, samples)
    campaign = validated_campaign(
        name=request.name or _name_of(store.root),
        classes=classes,
        recipe=recipe,
        budget=request.budget,
        batch=_batch(request),
        initial=_initial(request),
        seed=request.seed,
        prices={
            "label": request.label_price,
            "annotators_per_label": request.annotators_per_label,
            "cpu_hour": request.price_cpu_hour,
            "gpu_hour": request.price_gpu_hour,
        },
        backbone=backbone,
        base_space=base_space,
        pool=_write_pool(store, samples, splits, groups, captions),
        truth=_write(store, "truth", pa.table([list(truth), list(truth.values())], schema=TRUTH).sort_by("sample_id")),
        quarantine=_write(store, "quarantine", pa.Table.from_pylist(quarantined, schema=QUARANTINE)),
        labels_from=_labels_source(store, request, samples, splits, truth if recipe.data_selection else None),
        max_unreadable_share=request.max_unreadable_share,
        text_encoder=encoder,
    )
    created = create_campaign(store, campaign)
    return Begun(campaign, created, {**counts, "quarantined": len(quarantined)})


def _as_data_selection(request: Request, settings: DataSelection | None) -> Request:
    """The request of a data selection: all labels are known, and the budget is a batch a loop."""
    if settings is None:
        return request
    if request.initial not in (None, _batch(request)):
        raise ConfigurationError("Every loop of a data selection chooses --batch samples. Leave --initial out.")
    return replace(request, budget=settings.loops * _batch(request), initial=None, pool_labels=True)


def _as_single_shot(request: Request, recipe: Recipe) -> Request:
    """The request of a recipe whose first query takes the whole budget."""
    if not recipe.cold_start.single_shot:
        return request
    if request.initial not in (None, request.budget):
        raise ConfigurationError(
            f"Recipe {recipe.name!r} chooses the whole budget of {request.budget} at once (cold_start.single_shot). "
            "Leave --initial out."
        )
    return replace(request, initial=request.budget)


def _with_batch(request: Request, recipe: Recipe, classes: list[str]) -> Request:
    """The request with its batch, as soon as that is known; where a recipe counts in classes, these must be."""
    if request.batch is not None:
        return request
    if recipe.batch_per_class is None:
        return replace(request, batch=max(1, request.budget // 10))
    return replace(request, batch=recipe.batch_per_class * len(classes)) if classes else request


def _wants_captions(request: Request) -> bool:
    return any((request.captions, request.caption_template, request.domain, request.text_encoder))


def _pool_labels(labels: dict[str, str], splits: dict[str, str]) -> dict[str, str]:
    """The class of every sample of the pool.

    Raises:
        InputError: some have none.
    """
    pool = [name for name, split in splits.items() if split == "pool"]
    unlabelled = [name for name in pool if name not in labels]
    if unlabelled:
        raise InputError(
            f"{len(unlabelled)} samples of the pool have no label, first {unlabelled[0]!r}, but the recipe looks at "
            "the labels of all. Give them in --labels-from, or take these samples out."
        )
    return {name: labels[name] for name in pool}


def _captions(
    store: Store, request: Request, recipe: Recipe, samples: Samples, labels: dict[str, str]
) -> tuple[dict[str, str], TextEncoder | None]:
    """The captions by id, and the encoder of their features where the recipe reads these.

    Classes are put into captions only where the pool's labels may be read.
    """
    asked = _wants_captions(request)
    needed = reads_texts(recipe, asked)
    if not asked and not needed:
        return {}, None
    if request.caption_template is not None and not request.pool_labels:
        raise ConfigurationError(
            "--caption-template puts classes into captions, so the labels of the pool must be known: give "
            "--pool-labels."
        )
    known = labels if request.pool_labels else {}
    captions = read_captions(request.captions, request.caption_template, request.domain, _ids(samples), known)
    if not needed:
        notice(f"Captions are kept, but recipe {recipe.name!r} does not read them.")
        return captions, None
    from labelcycle.pipelines.initialise.text_encoder import DEFAULT, resolve_text_encoder

    return captions, resolve_text_encoder(store, request.text_encoder or DEFAULT)


def _with_objective(
    settings: DataSelection, classes: list[str], truth: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Classes and labels as the objective sees them: as they are, or the target and the rest.

    Raises:
        ConfigurationError: the target is no class.
    """
    if settings.target is None:
        return classes, truth
    if settings.target not in classes:
        raise ConfigurationError(
            f"data_selection.target {settings.target!r} is not a class. There are: {', '.join(classes)}."
        )
    return [settings.target, REST], {name: label if label == settings.target else REST for name, label in truth.items()}


def _refuse_other_campaign(store: Store, request: Request, recipe: Recipe) -> None:
    """Stop before any work where the root's campaign differs in its settings; differing data is found at the end."""
    if not store.exists(KEY):
        return
    existing = load_campaign(store)
    asked = {
        "name": request.name or _name_of(store.root),
        "recipe": without_lists(recipe),
        "budget": request.budget,
        "batch": request.batch,
        "seed": request.seed,
    }
    for name, value in asked.items():
        there = without_lists(existing.recipe) if name == "recipe" else getattr(existing, name)
        if value is not None and there != value:
            raise CampaignError(
                f"{store.root} already belongs to campaign {existing.identifier!r}, which has another {name}. "
                "Choose another root, or go on with that campaign: labelcycle run."
            )


def _samples(request: Request, recipe: Recipe) -> Samples:
    if (request.images is None) == (request.embeddings is None):
        raise ConfigurationError("A campaign begins with either --images or --embeddings. Give one of them.")
    if request.images is not None:
        return samples_from_images(request.images, request.max_unreadable_share)
    assert request.embeddings is not None
    if recipe.needs_images:
        what = "trains on images" if recipe.trains_on_images else "makes features anew from images (alignment)"
        raise ConfigurationError(
            f"Recipe {recipe.name!r} {what} and cannot use embeddings. "
            "Give --images, or choose a recipe for frozen features such as linear_probe."
        )
    return samples_from_embeddings(request.embeddings)


def _with_validation(request: Request, samples: Samples) -> Samples:
    """The samples, those of --val in the validation split with their labels."""
    if request.val is None:
        return samples
    answers = read_label_file(request.val, _ids(samples), request.classes or None)
    val = {name: answer.label for name, answer in answers.items() if answer.label is not None and name in samples.uris}
    if not val:
        raise InputError(f"{request.val} names no usable labelled sample. A validation split needs some.")
    return replace(samples, labels=samples.labels | val, splits=samples.splits | dict.fromkeys(val, "val"))


def _check_validation(recipe: Recipe, val: int) -> None:
    if recipe.alignment is not None and recipe.alignment.mode == "holdout" and not val:
        raise ConfigurationError(
            "alignment.mode holdout compares models on a validation split, but there is none. Give --val FILE "
            "(sample_id,label), or set alignment.mode to absolute or relative."
        )


def _labels(request: Request, samples: Samples) -> dict[str, str]:
    """Every label that is known before the campaign begins, by id."""
    if request.labels_from is None:
        return samples.labels
    answers = read_label_file(request.labels_from, _ids(samples), request.classes or None)
    return samples.labels | {name: answer.label for name, answer in answers.items() if answer.label is not None}


def _test(request: Request, samples: Samples, labels: dict[str, str]) -> dict[str, str]:
    """Class by id of the test samples: from --test and the source's own splits, or held out from the labels."""
    named = _named_test(request, samples, labels) if request.test is not None else {}
    known = labels | named
    marked = [name for name, split in samples.splits.items() if split in ("test", "val")]
    unlabelled = [name for name in marked if name not in known]
    if unlabelled:
        raise InputError(f"{request.embeddings}: test or val sample {unlabelled[0]!r} has no label. Give it one.")
    test = {name: known[name] for name in marked if samples.splits[name] == "test"} | named
    both = sorted(name for name in test if request.val and samples.splits.get(name) == "val")
    if both:
        raise InputError(f"Sample {both[0]!r} is in {request.val} and in the test set. Remove it from one of them.")
    if test:
        return test
    usable = {name: label for name, label in labels.items() if name in samples.uris and name not in marked}
    if not usable:
        raise ConfigurationError("There is no test set. Give --test FILE (sample_id,label) to measure the model with.")
    test = hold_out(usable, request.test_share, request.seed)
    notice(
        f"No test set was given: {len(test)} labelled samples ({request.test_share:.0%} of each class) are held out."
    )
    return test


def _named_test(request: Request, samples: Samples, labels: dict[str, str]) -> dict[str, str]:
    """Class by id of the samples in --test."""
    assert request.test is not None
    answers = read_label_file(request.test, _ids(samples), request.classes or None)
    test = {name: answer.label for name, answer in answers.items() if answer.label is not None}
    if not any(name in samples.uris for name in test):
        raise InputError(f"{request.test} names no usable labelled sample. A test set needs some.")
    asked_too = sum(name in test for name in labels)
    if request.labels_from and asked_too:
        notice(f"{asked_too} samples of {request.labels_from} are in the test set; they are never queried.")
    return test


def _ids(samples: Samples) -> SampleIds:
    return SampleIds(samples.uris | {row["sample_id"]: row["uri"] for row in samples.quarantined})


def _classes(request: Request, labels: dict[str, str]) -> list[str]:
    classes = request.classes or sorted(set(labels.values()))
    if len(classes) < 2:
        raise ConfigurationError(f"A classifier needs two classes or more; found {classes}. Name them with --classes.")
    if len(set(classes)) < len(classes):
        raise ConfigurationError(f"--classes names a class twice: {', '.join(classes)}.")
    unknown = sorted(set(labels.values()) - set(classes))
    if unknown:
        raise InputError(f"Label {unknown[0]!r} is not among --classes: {', '.join(classes)}.")
    return classes


def _check_sizes(request: Request, recipe: Recipe, pool: int) -> None:
    for flag, size in (("--batch", _batch(request)), ("--initial", _initial(request))):
        if size < 1:
            raise ConfigurationError(f"{flag} must be 1 or more; got {size}.")
        if size > pool:
            raise ConfigurationError(
                f"{flag} {size} is larger than the pool of {pool} samples. Ask for {pool} or fewer."
            )
        if size > request.budget:
            raise ConfigurationError(f"{flag} {size} is larger than --budget {request.budget}.")
    if request.budget > pool and recipe.data_selection is None:
        notice(f"The budget of {request.budget} is larger than the pool: the campaign ends after {pool} labels.")


def _batch(request: Request) -> int:
    assert request.batch is not None
    return request.batch


def _initial(request: Request) -> int:
    return _batch(request) if request.initial is None else request.initial


def _features(store: Store, request: Request, recipe: Recipe, samples: Samples) -> tuple[Backbone | None, str]:
    """The backbone and the name of its feature space; given embeddings are written into theirs."""
    if samples.features is not None:
        provenance = {"kind": "imported", "sha256": samples.source_sha256}
        space = FeatureSpace(store, space_name(provenance))
        space.describe(provenance)
        ids = list(samples.uris)
        with Progress("import embeddings", len(ids), "sample") as progress:
            for start in range(0, len(ids), IMPORT_ROWS):
                space.add(ids[start : start + IMPORT_ROWS], samples.features[start : start + IMPORT_ROWS])
                progress.advance(min(IMPORT_ROWS, len(ids) - start))
        return None, space.name
    from labelcycle.components.core.backbones.build import EMBEDDED
    from labelcycle.components.core.backbones.resolve import TransformOverrides, has_layers, resolve_backbone

    overrides = TransformOverrides(
        request.image_size, request.interpolation, request.crop_share, request.mean, request.std
    )
    backbone = resolve_backbone(store, request.backbone or EMBEDDED, request.weights, overrides, request.precision)
    if isinstance(recipe.trainer, LoraTrainer) and not has_layers(backbone, recipe.trainer.target):
        raise ConfigurationError(
            f"Backbone {backbone.name!r} has no linear layer named {recipe.trainer.target!r} for the adapter. "
            "Choose a vision transformer, or name its layers with --set trainer.target=NAME."
        )
    if isinstance(recipe.trainer, LoraTrainer) and recipe.trainer.blocks != "all":
        from labelcycle.components.core.backbones.build import create
        from labelcycle.components.train_adapter.adapters import first_block

        first_block(create(backbone.name, backbone.transform.image_size), recipe.trainer)
    return backbone, space_name(backbone_provenance(backbone, None))


def _write_pool(
    store: Store, samples: Samples, splits: dict[str, str], groups: dict[str, str], captions: dict[str, str]
) -> ObjectReference:
    ids = sorted(splits)
    columns = {
        "sample_id": ids,
        "uri": [samples.uris[name] for name in ids],
        "sha256": [samples.sha256.get(name) for name in ids],
        "split": [splits[name] for name in ids],
        "caption": [captions.get(name) for name in ids],
        "group": [groups.get(name) for name in ids],
    }
    return _write(store, "pool", pa.table(columns, schema=POOL))


def _write(store: Store, kind: str, table: pa.Table) -> ObjectReference:
    """Store a table under a name made from its content, so that another campaign's tables are never replaced."""
    data = table_bytes(table)
    folder = kind if kind in ("pool", OWN_LABELS) else f"pool/{kind}"
    return write_object(store, f"{folder}/{digest_of_bytes(data)[:16]}.parquet", data)


def _labels_source(
    store: Store, request: Request, samples: Samples, splits: dict[str, str], truth: dict[str, str] | None
) -> str | None:
    """Where runs read labels from: the user's file, or a table of the labels that came with the embeddings.

    With `truth`, the labels that never change again, it is always a table.
    """
    if truth is not None:
        fixed = sorted((name, label) for name, label in truth.items() if splits[name] == "pool")
        names, classes = [name for name, _ in fixed], [label for _, label in fixed]
        return _write(store, OWN_LABELS, pa.table([names, classes], schema=TRUTH)).key
    if request.labels_from is not None:
        return request.labels_from if "://" in request.labels_from else str(Path(request.labels_from).absolute())
    labels = {name: label for name, label in samples.labels.items() if splits.get(name) == "pool"}
    if not labels:
        return None
    return _write(store, OWN_LABELS, pa.table([list(labels), list(labels.values())], schema=TRUTH)).key


def _name_of(root: str) -> str:
    last = root.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64] or "campaign"
