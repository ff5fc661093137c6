"""The test set of a campaign for which nobody named one: held out from the labels that are known."""

import math
from collections import Counter

from labelcycle.components.analysis.intervals import margin_of_error
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.runtime.observation import notice

SHARE = 0.1
LARGEST_SHARE = 0.25
FEW = 25
ENOUGH = 100
"""Test samples that know an accuracy of 90 % to 6 points either way."""


def share_of_few(labels: int) -> float:
    """The share of known labels that is held out where these are all there is: more of few, up to a quarter.

    Labels of an annotator's file cost nothing to hold out, but known ones are then not learnt from.
    """
    return min(LARGEST_SHARE, max(SHARE, ENOUGH / labels))


def held_out(labels: dict[str, str], share: float, seed: int, groups: dict[str, str]) -> dict[str, str]:
    """Hold a test set out, and say what it is.

    Args:
        labels: class by id of all samples that may be held out.
        share: of each class, between 0 and 1.
        seed: decides which.
        groups: group by id, none of which is divided; empty for none.

    Returns:
        Class by id of the test samples.

    Raises:
        ConfigurationError: nothing can be held out.
    """
    test = hold_out_groups(labels, share, seed, groups) if groups else hold_out(labels, share, seed)
    if not test:
        none = "every group is too large to be held out" if groups else "no class has two samples to hold one out of"
        raise ConfigurationError(
            f"There is no test set, and of {len(labels)} labelled samples {none}. Give --test FILE (sample_id,label) "
            "to measure the model with, --test-from-budget N to have people label one, or 0 there for an estimate."
        )
    more = "" if len(test) >= FEW else " So few tell little: --test-from-budget N has people label a test set."
    notice(
        f"No test set was given: {len(test)} of {len(labels)} labelled samples ({share:.0%} of each "
        f"class) are held out, by which accuracy is known to {100 * margin_of_error(len(test)):.0f} points either way. "
        f"Another share: --test-share.{more}"
    )
    if missing := sorted(set(labels.values()) - set(test.values())):
        notice(f"These classes have one labelled sample and so none to test with: {', '.join(missing)}.")
    return test


def hold_out(labels: dict[str, str], share: float, seed: int) -> dict[str, str]:
    """A test set from labelled samples: `share` of each class, rounded up, chosen by a hash of seed and id.

    The only sample of a class is left to learn from.

    Args:
        labels: class by id.
        share: between 0 and 1.
        seed: decides which.

    Returns:
        Class by id of the test samples.
    """
    by_class: dict[str, list[str]] = {}
    for sample_id, label in sorted(labels.items()):
        by_class.setdefault(label, []).append(sample_id)
    test: dict[str, str] = {}
    for label, members in sorted(by_class.items()):
        numbers = keyed_order(members, seed, "test")
        count = min(math.ceil(share * len(members)), len(members) - 1)
        chosen = sorted(range(len(members)), key=lambda row: int(numbers[row]))[:count]
        test |= {members[row]: label for row in chosen}
    return dict(sorted(test.items()))


def hold_out_groups(labels: dict[str, str], share: float, seed: int, groups: dict[str, str]) -> dict[str, str]:
    """As `hold_out`, but for groups as wholes, so that no group has samples to learn from and to test with.

    Groups are looked at in an order drawn with the seed. One is held out where at least half of its samples are of
    classes that still lack samples to test with, and it leaves some of each class to learn from. Shares are met as
    nearly as groups allow.

    Args:
        labels: class by id.
        share: of each class, between 0 and 1.
        seed: decides which.
        groups: group by id; a sample that is missing is a group of its own.

    Returns:
        Class by id of the test samples; none where every group is too large.
    """
    members: dict[tuple[str, str], list[str]] = {}
    for sample_id in sorted(labels):
        unit = ("group", groups[sample_id]) if sample_id in groups else ("sample", sample_id)
        members.setdefault(unit, []).append(sample_id)
    total = Counter(labels.values())
    lacking = Counter({label: min(math.ceil(share * count), count - 1) for label, count in total.items()})
    numbers = keyed_order(["/".join(unit) for unit in members], seed, "test groups")
    test: dict[str, str] = {}
    held: Counter[str] = Counter()
    for _, names in sorted(zip(numbers.tolist(), members.values(), strict=True)):
        counts = Counter(labels[name] for name in names)
        useful = sum(min(count, max(0, lacking[label])) for label, count in counts.items())
        if 2 * useful >= len(names) and all(held[label] + count < total[label] for label, count in counts.items()):
            test |= {name: labels[name] for name in names}
            held.update(counts)
            lacking.subtract(counts)
    return dict(sorted(test.items()))
