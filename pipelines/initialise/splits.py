"""Which samples are queried (pool) and which measure the model (test, val).

The test set is named by the user, marked in the source of the samples, or held out from the labels.
"""

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.held_out import FEW, SHARE, held_out, share_of_few
from labelcycle.pipelines.initialise.known_labels import labels_in
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.test_from_budget import by_default


def assign_splits(
    samples: Samples, test: dict[str, str], groups: dict[str, str] | None = None
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The split of every usable sample, and the pool samples set aside for what they share with the test set.

    Args:
        samples: the usable samples; their own splits count for samples outside `test`.
        test: class by id of the test samples.
        groups: group by id, where no group may be in both the pool and the test set.

    Raises:
        InputError: no sample is left for the pool.
    """
    splits = {sample_id: samples.splits.get(sample_id, "pool") for sample_id in samples.uris}
    splits |= {sample_id: "test" for sample_id in test if sample_id in splits}
    held = {samples.sha256[name]: name for name, split in splits.items() if split != "pool" and name in samples.sha256}
    copies = []
    for sample_id, split in list(splits.items()):
        twin = held.get(samples.sha256.get(sample_id, ""))
        if split == "pool" and twin is not None:
            del splits[sample_id]
            reason = f"the same image as the {splits[twin]} sample {twin!r}"
            copies.append({"sample_id": sample_id, "uri": samples.uris[sample_id] or "", "reason": reason})
    if copies:
        notice(f"{len(copies)} pool images overlap the test set (identical files) and were set aside.")
    copies += _without_groups_of(test, groups or {}, samples, splits)
    if "pool" not in splits.values():
        raise InputError(
            "The pool is empty: every sample belongs to the test set. Add images, or name fewer for --test."
        )
    return splits, copies


def _without_groups_of(
    test: dict[str, str], groups: dict[str, str], samples: Samples, splits: dict[str, str]
) -> list[dict[str, str]]:
    """Take samples of the test set's groups out of the pool; returns a row for each."""
    of_test = {groups[name] for name in test if name in groups}
    kin = [name for name, split in splits.items() if split == "pool" and groups.get(name) in of_test]
    for name in kin:
        del splits[name]
    if kin:
        notice(f"{len(kin)} samples of the pool belong to groups of the test set and were set aside.")
    reasons = {name: f"its group {groups[name]!r} is in the test set" for name in kin}
    return [{"sample_id": name, "uri": samples.uris[name] or "", "reason": why} for name, why in reasons.items()]


def test_set_of(
    settings: CampaignSettings, samples: Samples, labels: dict[str, str], groups: dict[str, str]
) -> dict[str, str]:
    """Class by id of the test samples: from --test and the source's own splits, or held out from the labels.

    None where there are no labels to hold out from, or the budget is to pay for the test set: because the user says so,
    or because so few would be held out that they tell little, and a part of the budget makes more.

    Args:
        settings: the campaign's.
        samples: the usable samples.
        labels: every label that is known, by id.
        groups: group by id; what is held out has no group in common with the rest.

    Raises:
        InputError: a sample of it has no label or is in the validation split too, or --test names no sample.
        ConfigurationError: nothing can be held out from the labels, or --test-share does nothing.
    """
    named = _named_test(settings, samples, labels) if settings.test is not None else {}
    known = labels | named
    marked = {name: split for name, split in samples.splits.items() if split in ("test", "val")}
    unlabelled = [name for name in marked if name not in known]
    if unlabelled:
        source = settings.embeddings or settings.images
        raise InputError(f"{source}: test or val sample {unlabelled[0]!r} has no label. Give it one.")
    test = {name: known[name] for name, split in marked.items() if split == "test"} | named
    both = sorted(name for name in test if settings.val and marked.get(name) == "val")
    if both:
        raise InputError(f"Sample {both[0]!r} is in {settings.val} and in the test set. Remove it from one of them.")
    usable = {name: label for name, label in labels.items() if name in samples.uris and name not in marked}
    _check_share(settings, bool(test), bool(usable))
    if test:
        return test
    if settings.test_from_budget is not None or not usable:
        return {}
    nobody_else = settings.labels_from is None and not samples.labels
    share = settings.test_share or (share_of_few(len(usable)) if nobody_else else SHARE)
    if settings.test_share is None and not settings.pool_labels and share * len(usable) < FEW:
        free = len(samples.uris) - len(marked) - (len(usable) if nobody_else else 0)
        if by_default(settings.budget, free):
            return {}
    return held_out(usable, share, settings.seed, groups)


def _check_share(settings: CampaignSettings, known: bool, labelled: bool) -> None:
    """Refuse a share to hold out where none is held out.

    Args:
        settings: the campaign's.
        known: whether a test set is named or marked.
        labelled: whether there are labels to hold out from.

    Raises:
        ConfigurationError: a share was given, and does nothing.
    """
    if settings.test_share is None:
        return
    why = ""
    if known:
        why = "there is a test set already"
    elif settings.test_from_budget is not None:
        why = "--test-from-budget decides about the test set"
    elif not labelled:
        why = "no label is known to hold a test set out from"
    if why:
        raise ConfigurationError(f"--test-share does nothing here: {why}. Leave it out.")


def _named_test(settings: CampaignSettings, samples: Samples, labels: dict[str, str]) -> dict[str, str]:
    """Class by id of the samples in --test."""
    assert settings.test is not None
    test = labels_in(settings.test, settings, samples)
    if not any(name in samples.uris for name in test):
        raise InputError(f"{settings.test} names no usable labelled sample. A test set needs some.")
    asked_too = sum(name in test for name in labels)
    if settings.labels_from and asked_too:
        notice(f"{asked_too} samples of {settings.labels_from} are in the test set; they are never queried.")
    return test
