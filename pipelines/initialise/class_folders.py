"""Classes by folders: what the folder in which an image lies says about its label and its split."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.initialise.reading import listed, named

UNLABELLED = ("unlabelled", "unlabeled")
SPLITS = {"train": "pool", "val": "pool", "valid": "pool", "validation": "pool", "test": "test"}
"""Folders above those of classes, and what their images are for: val is no split of its own here (`--val`)."""


@dataclass
class ClassFolders:
    """What folders say.

    Attributes:
        labels: class by id.
        splits: `test` by id of the samples in a folder of that name.
        left_out: ids of images that lie in no class's folder and cannot be asked for either.
        remarks: what there is to say, each a few words.
    """

    labels: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def class_folders(names: Collection[str], folders: Iterable[str], source: str) -> ClassFolders:
    """Take the folder of each image for its class.

    Folders `train`, `val`, `valid`, `validation` and `test` may stand above the classes, where nothing else does.
    Images below a folder `unlabelled` have no label, and where there are some, neither have those outside all folders.
    Without any, such images are left out, because nobody would label them.

    Args:
        names: paths of the images below the source.
        folders: all folders below it, empty ones among them, as far as they are known.
        source: the folder, for messages.

    Raises:
        InputError: no image lies in a folder, or all lie below one that holds the folders of classes; or splits have
            no classes in them, have the same classes as stand beside them, or leave nothing for the pool; or spaces are
            around the name of a class.
    """
    found = ClassFolders()
    tops = {name.partition("/")[0] for name in names if "/" in name}
    in_splits = _are_splits(tops, names)
    if not in_splits:
        _refuse_half_splits(tops, names, source)
    loose: list[str] = []
    unlabelled = deeper = 0
    for name in names:
        parts = name.split("/")
        split = parts.pop(0).casefold() if in_splits and len(parts) > 1 and not _is_unlabelled(parts[0]) else ""
        of_test = SPLITS.get(split) == "test"
        if len(parts) == 1 or (of_test and _is_unlabelled(parts[0])):
            (found.left_out.add if of_test else loose.append)(name)
        elif _is_unlabelled(parts[0]):
            unlabelled += 1
        else:
            found.labels[name] = parts[0]
            deeper += len(parts) > 2
            if of_test:
                found.splits[name] = "test"
    _refuse_no_classes(found, source)
    if in_splits and loose and not unlabelled and len(found.splits) == len(found.labels):
        folder = min(loose).partition("/")[0] if "/" in min(loose) else "train"
        raise InputError(
            f"{source}: only test images lie in folders of classes, and the others, such as {min(loose)!r}, in none. "
            f"Put those that are to be labelled into a folder {folder}/unlabelled."
        )
    if not unlabelled:
        found.left_out.update(loose)
    elif loose:
        unlabelled += len(loose)
    pools = sorted(top for top in tops if in_splits and SPLITS.get(top.casefold()) == "pool")
    _remark(found, unlabelled, deeper, pools, _empty(folders, names, in_splits))
    return found


def _is_unlabelled(folder: str) -> bool:
    return folder.casefold() in UNLABELLED


def _are_splits(tops: Collection[str], names: Collection[str]) -> bool:
    """Whether the outermost folders are splits, with classes in them: a class may be called train, too."""
    splits = {top for top in tops if top.casefold() in SPLITS}
    if not splits or any(top not in splits and not _is_unlabelled(top) for top in tops):
        return False
    return any(name.count("/") > 1 and name.partition("/")[0] in splits for name in names)


def _refuse_half_splits(tops: Collection[str], names: Collection[str], source: str) -> None:
    """Refuse folders named as splits that hold images of no class, or the classes that stand beside them, too."""
    splits = sorted(top for top in tops if top.casefold() in SPLITS)
    if splits and all(top in splits or _is_unlabelled(top) for top in tops):
        raise InputError(
            f"{source}: {' and '.join(splits)} hold{'s' if len(splits) == 1 else ''} images but no folders of classes. "
            "With --folder-labels put those of each class into a folder there, and those without a label into a folder "
            "unlabelled; or leave it out."
        )
    for split in splits:
        inner = {name.split("/")[1] for name in names if name.startswith(f"{split}/") and name.count("/") > 1}
        if both := sorted(inner & set(tops)):
            raise InputError(
                f"{source}: {listed([named(name) for name in both])} {'is' if len(both) == 1 else 'are'} there beside "
                f"{split} and in it, which would be a class itself. Keep all images below train, val and test, or none."
            )


def _refuse_no_classes(found: ClassFolders, source: str) -> None:
    classes = set(found.labels.values())
    if around := sorted(name for name in classes if name != name.strip()):
        raise InputError(
            f"{source}: the name of the folder {around[0]!r} begins or ends with a space. Rename it: no class does."
        )
    if not classes:
        raise InputError(
            f"{source}: no image lies in a folder of its class. With --folder-labels put those of each class into a "
            "folder, or leave it out."
        )
    inner = {name.split("/")[1] for name in found.labels if name.count("/") > 1}
    if len(classes) == 1 and len(inner) > 1 and not found.splits and all(name.count("/") > 1 for name in found.labels):
        (only,) = classes
        raise InputError(
            f"{source}: all labelled images lie below one folder, {only!r}, which has folders of its own: "
            f"{listed(sorted(inner))}. If those are the classes, give --images {source.rstrip('/')}/{only}."
        )


def _empty(folders: Iterable[str], names: Collection[str], in_splits: bool) -> list[str]:
    """Folders of classes, as far as they are known, without any image."""
    depth = 2 if in_splits else 1
    full = {"/".join(name.split("/")[:depth]) for name in names}
    return sorted(
        folder
        for folder in folders
        if folder.count("/") == depth - 1 and folder not in full and not _is_unlabelled(folder.split("/")[0])
    )


def _remark(found: ClassFolders, unlabelled: int, deeper: int, pools: list[str], empty: list[str]) -> None:
    counts = Counter(label for name, label in found.labels.items() if name not in found.splits)
    by_class = listed([f"{named(label)} {count:,}" for label, count in counts.most_common()])
    remarks = [f"{len(counts):,} class{'' if len(counts) == 1 else 'es'} by folders: {by_class}"] if counts else []
    if pools:
        remarks.append(f"{' and '.join(pools)} {'is' if len(pools) == 1 else 'are'} the pool")
    if found.splits:
        remarks.append(f"{len(found.splits):,} in the folder test are the test set")
    if unlabelled:
        remarks.append(f"{unlabelled:,} without a label")
    if deeper:
        remarks.append(f"{deeper:,} in folders below those of their classes")
    if empty:
        remarks.append(f"no image in {listed(empty)}")
    if found.left_out:
        first = min(found.left_out)
        remarks.append(f"{len(found.left_out):,} in no class's folder left out, such as {first!r}")
    found.remarks = remarks
