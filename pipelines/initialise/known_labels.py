"""Labels that are known before a campaign begins, of the pool and the validation split, and their classes."""

from dataclasses import replace

from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.selection_loops import REST, DataSelection
from labelcycle.components.core.errors import ConfigurationError, InputError, near_miss
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.labelling.label_file import read_label_file
from labelcycle.components.labelling.label_texts import refuse_unclear
from labelcycle.components.labelling.sample_ids import SampleIds, control_characters_in
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.samples import Samples


def labels_at_hand(settings: CampaignSettings, samples: Samples) -> dict[str, str]:
    """Every label that the annotator's file, or the file of embeddings, has before the campaign begins, by id."""
    if settings.labels_from is None:
        return samples.labels
    return samples.labels | labels_in(settings.labels_from, settings, samples)


def labels_in(file: str, settings: CampaignSettings, samples: Samples) -> dict[str, str]:
    """The labels of a label file by id; a notice says how many there are.

    Raises:
        InputError: as `read_label_file`.
    """
    answers = read_label_file(file, ids_of(samples), settings.classes or None)
    labels = {name: answer.label for name, answer in answers.items() if answer.label is not None}
    others = f", {len(answers) - len(labels):,} skipped or unsure" if len(labels) < len(answers) else ""
    unusable = sum(name not in samples.uris for name in labels)
    notice(
        f"{file}: read {len(labels):,} label{'' if len(labels) == 1 else 's'}{others}"
        + (f", {unusable:,} of images that are set aside." if unusable else ".")
    )
    return labels


def labels_to_begin_with(settings: CampaignSettings, samples: Samples) -> dict[str, str]:
    """The labels of --known-labels, and those that came with images of which others have none, by id.

    Raises:
        InputError: a file is wrong, or two say different things of a sample.
    """
    known = dict(samples.labels) if samples.labels_known else {}
    for file in settings.known_labels:
        for name, label in labels_in(file, settings, samples).items():
            if known.setdefault(name, label) != label:
                came_along = samples.labels_known and name in samples.labels
                where = f"in {settings.images}" if came_along else "in another file of --known-labels"
                raise InputError(
                    f"{file}: {name!r} is {label!r} here but {known[name]!r} {where}. Keep the label that is right."
                )
    return known


def refuse_two_annotators(settings: CampaignSettings, samples: Samples) -> None:
    """Refuse another source of labels beside those of images which all have one, and so play the annotator.

    Raises:
        ConfigurationError: so it is.
    """
    other = "--labels-from" if settings.labels_from else "--label-studio" if settings.label_studio else None
    if settings.images and samples.labels and not samples.labels_known and other:
        raise ConfigurationError(
            f"The labels in {settings.images} play the annotator. Leave {other} out, or put images without a label "
            "beside them and leave --play-annotator out: the labels are then known from the start."
        )


def known_in_pool(
    settings: CampaignSettings, recipe: Recipe, known: dict[str, str], splits: dict[str, str]
) -> dict[str, str]:
    """Those of the labels to begin with that are of the pool; the others measure the model, or were set aside.

    Raises:
        ConfigurationError: the recipe has no use for them, they leave nothing of the budget, or none are there.
    """
    in_pool = {name: label for name, label in sorted(known.items()) if splits.get(name) == "pool"}
    if not in_pool and not settings.known_labels:
        if settings.count_known:
            raise ConfigurationError("--count-known counts the labels of --known-labels. Give these, or leave it out.")
        return {}
    if recipe.data_selection is not None or recipe.cold_start.single_shot:
        what = "selects training data" if recipe.data_selection is not None else "chooses the whole budget at once"
        raise ConfigurationError(f"Recipe {recipe.name!r} {what} and cannot begin with known labels. Leave them out.")
    if not in_pool:
        raise ConfigurationError(
            f"{', '.join(settings.known_labels)}: no sample of the pool has a label there. Correct --known-labels, or "
            "leave it out."
        )
    if settings.count_known and len(in_pool) >= settings.budget:
        raise ConfigurationError(
            f"With --count-known {len(in_pool)} known labels leave nothing of --budget {settings.budget}. Raise it."
        )
    return in_pool


def tell_of_labels_for_later(
    settings: CampaignSettings, labels: dict[str, str], known: dict[str, str], splits: dict[str, str]
) -> None:
    """Say what becomes of labels that the annotator's file has already."""
    later = sum(splits.get(name) == "pool" and name not in known for name in labels)
    if settings.labels_from is not None and later:
        notice(
            f"{settings.labels_from} has labels of {later} samples of the pool. Each is used once it is asked for; to "
            f"begin with them instead: --known-labels {settings.labels_from}."
        )


def tell_of_corrections(settings: CampaignSettings, at_hand: dict[str, str], known: dict[str, str]) -> None:
    """Say how many known labels the annotator's file contradicts, and when it corrects them."""
    count = sum(name in at_hand and at_hand[name] != label for name, label in known.items())
    if settings.labels_from is not None and count:
        notice(
            f"{settings.labels_from} says another class of {count} known label{'' if count == 1 else 's'}. Cycle 0 "
            "trains on the known ones; they are corrected with the labels of cycle 1. To begin with what it says, put "
            "it right in --known-labels."
        )


def tell_of_classes_on_one_side(test: dict[str, str], labels: dict[str, str], splits: dict[str, str]) -> None:
    """Name the classes of the test set that the pool lacks, where all its labels are known, and those never tested.

    Args:
        test: class by id of the test samples.
        labels: every label that is known, by id.
        splits: the split of each sample.
    """
    pool = [name for name, split in splits.items() if split == "pool"]
    tested, of_pool = set(test.values()), {labels[name] for name in pool if name in labels}
    if (missing := sorted(tested - of_pool)) and all(name in labels for name in pool):
        notice(
            f"No sample of the pool is of these classes of the test set, so no model will learn them: "
            f"{', '.join(missing)}."
        )
    if test and (untested := sorted(of_pool - tested)):
        notice(
            f"No sample of the test set is of these classes of the pool, so how well a model knows them is not "
            f"measured: {', '.join(untested)}."
        )


def pool_labels(labels: dict[str, str], splits: dict[str, str]) -> dict[str, str]:
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


def classes_of(settings: CampaignSettings, labels: dict[str, str]) -> list[str]:
    """The campaign's classes, as --classes orders them, else sorted.

    Raises:
        ConfigurationError: fewer than two, or one twice.
        InputError: a label is not among --classes, or, where these are not given, differs from another in its spelling
            alone.
    """
    if not settings.classes:
        refuse_unclear(sorted(set(labels.values())), lambda label: repr(_first_with(label, labels)))
    classes = settings.classes or sorted(set(labels.values()))
    if len(classes) < 2:
        raise ConfigurationError(f"A classifier needs two classes or more; found {classes}. Name them with --classes.")
    if len(set(classes)) < len(classes):
        raise ConfigurationError(f"--classes names a class twice: {', '.join(classes)}.")
    for name in classes:
        if fault := control_characters_in(name):
            raise ConfigurationError(f"--classes names {name!r}, which {fault}. Write it without them.")
    unknown = sorted(set(labels.values()) - set(classes))
    if unknown:
        guess = near_miss(unknown[0], classes)
        raise InputError(f"Label {unknown[0]!r} is not among --classes: {', '.join(classes)}.{guess}")
    return classes


def _first_with(label: str, labels: dict[str, str]) -> str:
    """The first sample that has a label."""
    return next(name for name, other in labels.items() if other == label)


def with_objective(
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


def ids_of(samples: Samples) -> SampleIds:
    """The ids that label files may name, unreadable samples among them."""
    return SampleIds(samples.uris | {row["sample_id"]: row["uri"] for row in samples.quarantined})


def with_validation(settings: CampaignSettings, samples: Samples) -> Samples:
    """The samples, those of --val in the validation split with their labels."""
    if settings.val is None:
        return samples
    val = {name: label for name, label in labels_in(settings.val, settings, samples).items() if name in samples.uris}
    if not val:
        raise InputError(f"{settings.val} names no usable labelled sample. A validation split needs some.")
    return replace(samples, labels=samples.labels | val, splits=samples.splits | dict.fromkeys(val, "val"))


def check_validation(recipe: Recipe, val: int) -> None:
    """Refuse a recipe that decides by a validation split where that has no sample.

    Raises:
        ConfigurationError: so it is.
    """
    if recipe.alignment is not None and recipe.alignment.mode == "holdout" and not val:
        raise ConfigurationError(
            "alignment.mode holdout compares models on a validation split, but there is none. Give --val FILE "
            "(sample_id,label), or set alignment.mode to absolute or relative."
        )
