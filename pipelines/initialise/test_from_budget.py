"""A test set from the budget: so many samples of the pool, drawn at random, whose labels people give first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from labelcycle.components.analysis.intervals import margin_of_error
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.sizes import initial_of

SHARE = 0.25
"""Of the budget, where nobody says how many."""

MOST = 400
"""By so many an accuracy of 90 % is known to 3 points either way; to 2 it takes 900."""

LEAST = 25
"""Fewer tell too little: by 25 an accuracy of 90 % is known to 12 points either way. A cross-validated estimate tells
less: of 200 digits that `uherding` chose it had 64 % right, and the model 95 % of digits that were kept apart."""


def by_default(budget: int, free: int) -> int:
    """How many labels of the budget are for testing where nobody says: a quarter of it, or none where that is too few.

    Args:
        budget: labels to pay for.
        free: samples that can be drawn, of which no more than a quarter are.
    """
    wanted = min(MOST, int(SHARE * budget), int(SHARE * free))
    return wanted if wanted >= LEAST else 0


def labels_to_test_with(settings: CampaignSettings, recipe: Recipe, test: Collection[str], free: int) -> int:
    """How many labels of the budget are for testing, as the user says, or else what `by_default` does.

    Args:
        settings: the campaign's.
        recipe: its recipe.
        test: samples of a test set that is known.
        free: samples that can be drawn.

    Raises:
        ConfigurationError: there is a test set already, nobody labels, or the budget is too small.
    """
    wanted = settings.test_from_budget
    if test:
        if wanted:
            raise ConfigurationError(
                f"There is a test set of {len(test)} samples already, so --test-from-budget is not for it. Leave one "
                "of the two out."
            )
        return 0
    if recipe.data_selection is not None:
        raise ConfigurationError(
            f"Recipe {recipe.name!r} selects training data whose labels are all known, and needs a test set. Give "
            "--test FILE (sample_id,label), and leave --test-from-budget out."
        )
    first = 1 if recipe.cold_start.single_shot else initial_of(settings)
    if wanted is None:
        usual = by_default(settings.budget, free)
        return usual if usual + first <= settings.budget else 0
    if wanted and wanted + first > settings.budget:
        raise ConfigurationError(
            f"--test-from-budget {wanted} and a first query of {first} labels are more than --budget "
            f"{settings.budget}. Lower one of them, or raise the budget."
        )
    return wanted


def tell_how_it_is_tested(settings: CampaignSettings, recipe: Recipe, testing: int) -> None:
    """Say how the budget is split between testing and learning, why, and which flag changes that."""
    if not testing:
        stop = recipe.stop.is_set
        why = ""
        if settings.test_from_budget is None:
            why = (
                f" A quarter of the budget or of the pool, with room left for the first query, would be fewer than "
                f"{LEAST} test samples, which tell too little."
            )
        notice(
            "There is no test set: accuracy will be a cross-validated estimate from the labels to learn from, and is "
            f"called so.{why} To measure it, give --test FILE (sample_id,label) or --test-from-budget N."
            + (" The recipe's stop rule needs one, and will not end the campaign." if stop else "")
        )
        return
    why = "" if settings.test_from_budget is not None else " No test set was given, so a part of the budget makes one."
    notice(
        f"{testing} of the {settings.budget} labels of the budget are to test with, {settings.budget - testing} to "
        f"learn from.{why} The first query asks for {testing} samples drawn at random, which are never learnt from. By "
        f"so many an accuracy of 90 % is known to {_points(testing, 0.9)} points either way, one of 50 % to "
        f"{_points(testing, 0.5)} (95 %). Another number: --test-from-budget N; 0 for a cross-validated estimate."
    )


def _points(samples: int, accuracy: float) -> str:
    return f"{100 * margin_of_error(samples, accuracy):.0f}"


@dataclass(frozen=True)
class DrawnTestSamples:
    """The samples to test with, sorted, and those of the pool that are set aside for what they share with these."""

    ids: list[str]
    set_aside: list[dict[str, str]]


def test_set_from_budget(
    settings: CampaignSettings,
    recipe: Recipe,
    test: Collection[str],
    samples: Samples,
    splits: Mapping[str, str],
    groups: Mapping[str, str],
    known: Collection[str],
) -> DrawnTestSamples:
    """The samples to test with that the budget pays for, and a word on them; none where a test set is known.

    Args:
        settings: the campaign's.
        recipe: its recipe; what its lists exclude or include is not drawn.
        test: samples of a test set that is known.
        samples: the usable ones.
        splits: the split of each.
        groups: group by id, none of which is divided; empty for none.
        known: samples whose labels are known, to learn from.

    Raises:
        ConfigurationError: as `labels_to_test_with`, and as `draw_to_test_with` where the user says how many.
    """
    may = {name: split for name, split in splits.items() if name not in recipe.selector.exclude}
    kept = {*known, *recipe.selector.include}
    count = labels_to_test_with(settings, recipe, test, len(_free(samples, may, groups, kept)))
    drawn = DrawnTestSamples([], [])
    try:
        drawn = draw_to_test_with(count, settings.seed, samples, may, groups, kept) if count else drawn
    except ConfigurationError:
        if settings.test_from_budget is not None:
            raise
    if not test:
        tell_how_it_is_tested(settings, recipe, len(drawn.ids))
    return drawn


def draw_to_test_with(
    count: int,
    seed: int,
    samples: Samples,
    splits: Mapping[str, str],
    groups: Mapping[str, str],
    kept: Collection[str],
) -> DrawnTestSamples:
    """Draw samples of the pool by a hash of seed and id.

    Files that are the same as one that was drawn are set aside. With groups as many groups are drawn as have enough
    samples, in an order of their own, and what is not drawn of these is set aside.

    Args:
        count: how many.
        seed: decides which.
        samples: the usable ones.
        splits: the split of each.
        groups: group by id, none of which is divided; empty for none.
        kept: samples that are to learn from, and not drawn; nor is one of their groups, or a copy of one.

    Raises:
        ConfigurationError: too few can be drawn, or nothing is left to learn from.
    """
    pool = sorted(name for name, split in splits.items() if split == "pool")
    free = _free(samples, splits, groups, kept)
    found = _drawn(free, count, seed, groups, samples.sha256)
    units = {_unit(name, groups): name for name in found}
    twins = {samples.sha256[name]: name for name in found if name in samples.sha256}
    aside = []
    for name in sorted(set(pool) - set(found)):
        reason = ""
        if (twin := twins.get(samples.sha256.get(name, ""))) is not None:
            reason = f"the same image as the test sample {twin!r}"
        elif _unit(name, groups) in units:
            reason = f"its group {groups[name]!r} is in the test set"
        if reason:
            aside.append({"sample_id": name, "uri": samples.uris[name] or "", "reason": reason})
    if len(found) < count or len(pool) == len(found) + len(aside):
        what = "whole groups of the pool" if groups else "the pool"
        raise ConfigurationError(
            f"--test-from-budget {count}: {what} cannot give so many and leave something to learn from ({len(free)} "
            "samples may be drawn). Ask for fewer, or for 0 to have no test set."
        )
    if aside:
        notice(f"{len(aside)} samples of the pool are the same image as a test sample, or of its group: set aside.")
    return DrawnTestSamples(sorted(found), aside)


def _free(samples: Samples, splits: Mapping[str, str], groups: Mapping[str, str], kept: Collection[str]) -> list[str]:
    """The samples of the pool that may be drawn, sorted: none that is kept, nor a copy or of the group of one."""
    taken = {_unit(name, groups) for name in kept} | {samples.sha256[name] for name in kept if name in samples.sha256}
    pool = sorted(name for name, split in splits.items() if split == "pool")
    return [name for name in pool if _unit(name, groups) not in taken and samples.sha256.get(name) not in taken]


Unit = tuple[str, str]


def _unit(name: str, groups: Mapping[str, str]) -> Unit:
    """What is not divided: a group, or a sample that has none."""
    return ("group", groups[name]) if name in groups else ("sample", name)


def _drawn(free: list[str], count: int, seed: int, groups: Mapping[str, str], sha256: Mapping[str, str]) -> list[str]:
    """At most so many of these in the order of their numbers, one of each image; of as many groups as have enough."""
    order = np.argsort(keyed_order(free, seed, "test set"), kind="stable").tolist()
    once: dict[str, str] = {}
    for row in order:
        once.setdefault(sha256.get(free[row], free[row]), free[row])
    units: dict[Unit, list[str]] = {}
    for name in once.values():
        units.setdefault(_unit(name, groups), []).append(name)
    numbers = (
        keyed_order(["/".join(unit) for unit in units], seed, "test set groups") if groups else np.arange(len(units))
    )
    members = list(units.values())
    allowed: set[str] = set()
    for place in np.argsort(numbers, kind="stable").tolist():
        if len(allowed) >= count:
            break
        allowed.update(members[place])
    return [name for name in once.values() if name in allowed][:count]
