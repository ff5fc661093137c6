"""Check at the beginning whatever the select stage would refuse later, after labels were paid for."""

from collections.abc import Collection
from inspect import signature

from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.config.query_choice import Choice, DropoutScorer, Selector
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.select import STRATEGIES
from labelcycle.components.select.batch import check_arguments
from labelcycle.pipelines.initialise.sample_lists import read_ids

WITHOUT_A_MODEL = {"features", "groups"}
OF_LABELLED = {"labelled_ids", "labelled_features", "labelled_classes"}
WITH_A_MODEL = {"probs", "head", *OF_LABELLED, *WITHOUT_A_MODEL}
FROM_DROPOUT = {"disagreements", "mutual_information"}
FROM_FLAGS = {
    "losses": "Give --pool-labels if all labels of the pool are known.",
    "texts": "Give --captions if there are any.",
}


def reads_losses(recipe: Recipe) -> bool:
    """Whether a strategy of the recipe looks at the losses, which take the true classes."""
    return any(
        "losses" in STRATEGIES[choice.strategy].reads_with(choice.arguments)
        for choice in (recipe.selector, recipe.cold_start)
    )


def names_losses(recipe: Recipe) -> bool:
    """`reads_losses` of a recipe whose strategies were not checked yet.

    Raises:
        ConfigurationError: unknown strategy or parameter, or a value of another type.
    """
    check_arguments(recipe.selector.strategy, recipe.selector.arguments)
    check_arguments(recipe.cold_start.strategy, recipe.cold_start.arguments)
    return reads_losses(recipe)


def reads_texts(recipe: Recipe, captions: bool) -> bool:
    """Whether features of captions are read: by the augmentation of a data selection, or by a strategy elsewhere."""
    if recipe.data_selection is not None:
        return recipe.data_selection.needs_texts
    choices = (recipe.selector, recipe.cold_start)
    return captions and any("texts" in STRATEGIES[choice.strategy].reads_with(choice.arguments) for choice in choices)


def check_strategies(
    recipe: Recipe, pool_labels: bool = False, captions: bool = False, zero_shot: bool = False
) -> None:
    """Check strategies, their parameters and what they need against what the stages before select give them.

    Args:
        recipe: the recipe.
        pool_labels: whether the labels of the pool may be read, so that losses are known.
        captions: whether there are captions to make texts of.
        zero_shot: whether the names of the classes give probabilities before there is a model.

    Raises:
        ConfigurationError: unknown strategy or parameter, a value of another type, or needs that are not met.
    """
    known = ({"losses"} if pool_labels else set()) | ({"texts"} if captions else set())
    selection = recipe.data_selection
    knows_labelled = selection is None or selection.earlier_picks == "labelled"
    with_a_model = (WITH_A_MODEL if knows_labelled else WITH_A_MODEL - OF_LABELLED) | known
    for choice in (recipe.selector, recipe.cold_start):
        check_arguments(choice.strategy, choice.arguments)
    first = recipe.cold_start
    named = {"probs"} if zero_shot else set()
    too_early = sorted(STRATEGIES[first.strategy].needs_with(first.arguments) - WITHOUT_A_MODEL - known - named)
    if too_early:
        raise ConfigurationError(
            f"cold_start.strategy {recipe.cold_start.strategy!r} needs {', '.join(too_early)}, which no model gives "
            "before the first labels. Choose another, such as random."
        )
    name = recipe.selector.strategy
    missing = STRATEGIES[name].needs - with_a_model
    if isinstance(recipe.scorer, DropoutScorer):
        missing -= FROM_DROPOUT
        _check_passes(recipe.selector, recipe.scorer)
    if missing:
        remedy = "Set scorer.name=dropout." if missing <= FROM_DROPOUT else "Choose another strategy."
        if missing <= OF_LABELLED:
            remedy = "Set data_selection.earlier_picks=labelled and data_selection.augmentation=none."
        if missing <= FROM_FLAGS.keys():
            remedy = " ".join(FROM_FLAGS[need] for need in sorted(missing))
        raise ConfigurationError(
            f"selector.strategy {name!r} needs {', '.join(sorted(missing))}, which the campaign does not have. {remedy}"
        )
    if pool_labels and recipe.data_selection is None and not reads_losses(recipe):
        raise ConfigurationError(
            f"--pool-labels: no strategy of recipe {recipe.name!r} reads losses, so it must not see the labels of the "
            "pool. Leave it out."
        )


def check_groups(recipe: Recipe, groups: Collection[str]) -> None:
    """Check quotas, and strategies that need groups, against the groups of the pool's samples.

    Raises:
        ConfigurationError: a group that no sample of the pool belongs to, or no groups at all where they are needed.
    """
    for setting, choice in (("selector", recipe.selector), ("cold_start", recipe.cold_start)):
        if not groups and _needs_groups(choice):
            raise ConfigurationError(f"The recipe's {setting} needs groups. Give --groups FILE (sample_id,group).")
        unknown = sorted(set(choice.quotas) - set(groups))
        if unknown:
            raise ConfigurationError(
                f"{setting}.quotas: no sample of the pool belongs to group {unknown[0]!r}. There are: "
                f"{', '.join(sorted(groups))}."
            )


def check_rechecks(recipe: Recipe, labels_from: str | None) -> None:
    """Refuse to ask again where the answer would be the same.

    Args:
        recipe: the recipe.
        labels_from: where the campaign's labels come from; None where people are asked.

    Raises:
        ConfigurationError: labels come from a file, or from those that came with the images.
    """
    if recipe.selector.recheck and labels_from is not None:
        source = "came with its samples" if is_own_table(labels_from) else f"come from {labels_from}"
        raise ConfigurationError(
            f"selector.recheck {recipe.selector.recheck:g} asks people for labels again, but the labels of this "
            f"campaign {source} and are the same each time. Leave it out, or let people label: without "
            "--labels-from, or with --label-studio."
        )


def with_lists(
    recipe: Recipe, exclude: str | None, include: str | None, known_ids: SampleIds, splits: dict[str, str]
) -> Recipe:
    """The recipe with the samples that must not and those that must be asked for, named as the campaign names them.

    Args:
        recipe: may have lists of its own, to which those of the files are added.
        exclude: file of ids that must not be asked for.
        include: file of ids that must be asked for first.
        known_ids: resolves names to ids.
        splits: the split of each usable sample. What is not in the pool is never asked for anyway.

    Raises:
        ConfigurationError: an id in the recipe that is not known or is in the test set, or an id in both lists.
        InputError: the same in a file, with its line.
    """
    selector = recipe.selector
    left_out = _sources(selector.exclude, "selector.exclude", exclude, known_ids)
    wanted = _sources(selector.include, "selector.include", include, known_ids)
    for name, source in wanted.items():
        if name in left_out:
            raise ConfigurationError(f"{source}: {name!r} is excluded too, in {left_out[name]}. Remove one of the two.")
        if splits.get(name, "pool") != "pool":
            raise InputError(f"{source}: {name!r} is in the {splits[name]} set, which is never queried. Remove it.")
    lost = [name for name in wanted if name not in splits]
    if lost:
        notice(f"{len(lost)} samples that must be included cannot be used and are left out, first {lost[0]!r}.")
    lists = {
        "exclude": sorted(name for name in left_out if splits.get(name) == "pool"),
        "include": [name for name in wanted if name in splits],
    }
    return recipe.model_copy(update={"selector": selector.model_copy(update=lists)})


def without_unlabelled(recipe: Recipe, labels: Collection[str], splits: dict[str, str]) -> Recipe:
    """The recipe that asks for no sample of the pool that has no label, but for those that it was told to include."""
    kept = {*labels, *recipe.selector.include}
    never = {name for name, split in splits.items() if split == "pool" and name not in kept}
    lists = {"exclude": sorted(never.union(recipe.selector.exclude))}
    return recipe.model_copy(update={"selector": recipe.selector.model_copy(update=lists)})


def of_pool_alone(recipe: Recipe, splits: dict[str, str]) -> Recipe:
    """The recipe whose lists of samples name those alone that are still in the pool."""
    selector = recipe.selector
    lists = {
        "exclude": [name for name in selector.exclude if splits.get(name) == "pool"],
        "include": [name for name in selector.include if splits.get(name) == "pool"],
    }
    return recipe.model_copy(update={"selector": selector.model_copy(update=lists)})


def without_lists(recipe: Recipe) -> Recipe:
    """The recipe without its lists of samples, to be compared before the samples are known."""
    lists: dict[str, list[str]] = {"exclude": [], "include": []}
    return recipe.model_copy(update={"selector": recipe.selector.model_copy(update=lists)})


def _check_passes(selector: Selector, scorer: DropoutScorer) -> None:
    """Check that a strategy which counts disagreeing passes knows how many there are, and at which rate."""
    chosen = STRATEGIES[selector.strategy]
    passes = signature(chosen.choose).parameters.get("passes")
    if "disagreements" not in chosen.reads_with(selector.arguments) or passes is None:
        return
    counted_on = selector.arguments.get("passes", passes.default)
    if counted_on != scorer.passes:
        raise ConfigurationError(
            f"scorer.passes is {scorer.passes}, but strategy {selector.strategy!r} counts on {counted_on} passes. "
            f"Set selector.parameters.passes={scorer.passes}."
        )
    if selector.arguments.get("rate", scorer.rate) != scorer.rate:
        raise ConfigurationError(
            f"scorer.rate is {scorer.rate}, but selector.parameters.rate is {selector.arguments['rate']}; the passes "
            "are those of the scorer. Set both to the same value, or leave selector.parameters.rate out."
        )


def _needs_groups(choice: Choice) -> bool:
    return bool(choice.quotas) or "groups" in STRATEGIES[choice.strategy].needs


def _sources(own: list[str], setting: str, uri: str | None, known_ids: SampleIds) -> dict[str, str]:
    """Where each sample is named, by id: in the recipe's setting or in a line of a file."""
    sources: dict[str, str] = {}
    for name in own:
        sample_id = known_ids.resolve(name)
        if sample_id is None:
            raise ConfigurationError(f"{setting}: no sample, or more than one, is called {name!r}. Correct it.")
        sources.setdefault(sample_id, setting)
    for sample_id, line in read_ids(uri, known_ids).items() if uri else ():
        sources.setdefault(sample_id, f"{uri}, line {line}")
    return sources
