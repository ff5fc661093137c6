"""Which samples are asked about (pool) and which measure the model (test, val)."""

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.samples import Samples


def hold_out(labels: dict[str, str], share: float, seed: int) -> dict[str, str]:
    """A test set from labelled samples: `share` of each class, rounded up, chosen by a hash of seed and id.

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
        chosen = sorted(range(len(members)), key=lambda row: int(numbers[row]))[: -int(-share * len(members) // 1)]
        test |= {members[row]: label for row in chosen}
    return dict(sorted(test.items()))


def assign_splits(samples: Samples, test: dict[str, str]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The split of every usable sample, and the pool samples set aside because the test set holds the same image.

    Args:
        samples: the usable samples; their own splits count for samples outside `test`.
        test: class by id of the test samples.

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
    if "pool" not in splits.values():
        raise InputError(
            "The pool is empty: every sample belongs to the test set. Add images, or name fewer for --test."
        )
    return splits, copies
