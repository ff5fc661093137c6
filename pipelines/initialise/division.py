"""Who learns and who tests: where each sample of a new campaign goes, and which labels are known from the beginning."""

from collections import Counter
from dataclasses import dataclass, field

from labelcycle.components.core.config.recipe import Recipe
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.known_labels import (
    ids_of,
    known_in_pool,
    labels_at_hand,
    labels_to_begin_with,
    pool_labels,
    tell_of_corrections,
    tell_of_labels_for_later,
)
from labelcycle.pipelines.initialise.leaks import find_leaks, set_aside, tell_of_leaks
from labelcycle.pipelines.initialise.sample_lists import read_groups
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.splits import assign_splits, test_set_of
from labelcycle.pipelines.initialise.test_from_budget import test_set_from_budget


@dataclass
class Division:
    """Where the samples go.

    Attributes:
        labels: every label at hand, by id.
        known: those of the pool that the campaign begins with.
        test: class by id of the test samples.
        truth: labels that the campaign may read: those to test and validate with, and the pool's where a recipe is told
            them.
        groups: group by id.
        splits: `pool`, `val` or `test` by id, of the samples that are used.
        set_aside: a row of the quarantine for each sample that is left out because of another one.
        testing: how many of the budget's labels are to test with.
    """

    labels: dict[str, str]
    known: dict[str, str]
    test: dict[str, str]
    truth: dict[str, str]
    groups: dict[str, str]
    splits: dict[str, str]
    set_aside: list[dict[str, str]] = field(default_factory=list)
    testing: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many samples each split has."""
        found = Counter(self.splits.values())
        return {split: found[split] for split in ("pool", "val", "test")}

    @property
    def groups_of_pool(self) -> set[str]:
        """The groups that can be asked for."""
        return {self.groups[name] for name, split in self.splits.items() if split == "pool" and name in self.groups}

    @property
    def held(self) -> Counter[str]:
        """Test samples by class."""
        return Counter(
            self.truth[name] for name, split in self.splits.items() if split == "test" and name in self.truth
        )

    def draw_test_set(self, settings: CampaignSettings, recipe: Recipe, samples: Samples) -> None:
        """Take the samples that the budget's first labels are to test with out of the pool."""
        drawn = test_set_from_budget(settings, recipe, self.test, samples, self.splits, self.groups, self.known)
        self.testing = len(drawn.ids)
        self.splits |= dict.fromkeys(drawn.ids, "test")
        for row in drawn.set_aside:
            del self.splits[row["sample_id"]]
        self.set_aside += drawn.set_aside

    def look_for_leaks(self, settings: CampaignSettings, samples: Samples) -> None:
        """Tell of samples of the pool that are nearly test samples, and set them aside where the user says so."""
        leaks = find_leaks(samples, self.splits, settings.drop_leaks)
        tell_of_leaks(leaks, settings.drop_leaks)
        if not settings.drop_leaks:
            return
        for leak in leaks:
            self.set_aside.append(set_aside(samples, leak))
            for of_samples in (self.splits, self.known, self.truth):
                of_samples.pop(leak.sample_id, None)


def divide(settings: CampaignSettings, recipe: Recipe, samples: Samples) -> Division:
    """Where each sample goes, by its source, the test set and the labels that are known.

    Args:
        settings: the campaign's.
        recipe: its recipe.
        samples: the usable samples, with their own splits.

    Raises:
        InputError: labels, groups or a test set that cannot be used, or nothing is left for the pool.
        ConfigurationError: settings that contradict each other or the labels.
    """
    known = labels_to_begin_with(settings, samples)
    at_hand = labels_at_hand(settings, samples)
    labels = at_hand | known
    groups = read_groups(settings.groups, ids_of(samples)) if settings.groups is not None else {}
    test = test_set_of(settings, samples, labels, groups)
    named = settings.test is not None or "test" in samples.splits.values()
    splits, copies = assign_splits(samples, test, {} if named else groups)
    known = known_in_pool(settings, recipe, known, splits)
    tell_of_labels_for_later(settings, labels, known, splits)
    tell_of_corrections(settings, at_hand, known)
    truth = {**{name: labels[name] for name, split in splits.items() if split == "val"}, **test}
    if settings.pool_labels:
        truth |= pool_labels(labels, splits)
    truth = {name: label for name, label in truth.items() if name in splits}
    return Division(labels, known, test, truth, groups, splits, copies)
