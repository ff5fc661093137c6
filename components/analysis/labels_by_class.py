"""Labels a class: how many there are to learn from, and what is to be said of classes that have few or none."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from labelcycle.components.core.config.recipe import Recipe

MOST_NAMED = 5
"""Classes that one sentence names."""

REMEDY = "With labelcycle amend, --set selector.rare_classes=0.5 gives half of each query to classes with few labels."

LONG_TAIL = 10
"""Where the largest class has so many times as many labels as the smallest, the difference is pointed out."""


def labels_by_class(labels: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    """How many labels each class has, in the order of the classes.

    Args:
        labels: the class of each labelled sample.
        classes: all of them.
    """
    counts = Counter(labels)
    return {name: counts[name] for name in classes}


def class_warnings(counts: Mapping[str, int], recipe: Recipe) -> list[str]:
    """What to know of classes without labels and of very uneven ones, in sentences; none where nothing is amiss.

    Args:
        counts: labels to learn from, by class.
        recipe: the campaign's; where it does not look for rare classes the last sentence says how it could.
    """
    without = [name for name, count in counts.items() if not count]
    words = []
    if without:
        have = "1 class has" if len(without) == 1 else f"{len(without)} classes have"
        words.append(f"{have} no label yet, so the model never says {_named(without)}.")
    some = {name: count for name, count in counts.items() if count}
    if some and max(some.values()) >= LONG_TAIL * min(some.values()):
        least, most = min(some, key=lambda name: some[name]), max(some, key=lambda name: some[name])
        words.append(f"Labels a class differ widely: from {some[least]} ({least}) to {some[most]} ({most}).")
    if words and not recipe.selector.rare_classes and recipe.data_selection is None:
        words.append(REMEDY)
    return words


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    others = f" or {more} other{'' if more == 1 else 's'}" if more > 0 else ""
    return ", ".join(map(repr, names[:MOST_NAMED])) + others
