"""Classes that are added, renamed and merged, as people ask for it on the command line, and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import ConfigurationError, near_miss
from labelcycle.components.labelling.label_spellings import difference, folded


@dataclass(frozen=True)
class Classes:
    """The classes, in their order, and the class that each name counts as which was one and is none any more."""

    names: list[str]
    former: dict[str, str]


def changed_classes(campaign: Campaign, added: Sequence[str], renamed: Sequence[str], merged: Sequence[str]) -> Classes:
    """The classes of a campaign once all of this was done: renaming first, then merging, then adding.

    Args:
        campaign: as it is.
        added: `+NAME` each.
        renamed: `OLD=NEW` each.
        merged: `A,B=NEW` each, with two classes or more; the new name may be that of one of them.

    Raises:
        ConfigurationError: a class that is not there, a name that is taken, or fewer than two classes in the end.
    """
    classes = Classes(list(campaign.classes), dict(campaign.former_classes))
    for text in renamed:
        old, new = _parts(text, "--rename-class", classes)
        if len(old) != 1:
            raise ConfigurationError(f"--rename-class {text} names {len(old)} classes. To join them: --merge-classes.")
        classes = _joined(classes, old, new, f"--rename-class {text}")
    for text in merged:
        old, new = _parts(text, "--merge-classes", classes)
        if len(old) < 2:
            raise ConfigurationError(
                f"--merge-classes {text} names one class. Name two or more: --merge-classes A,B=NEW; to give one "
                "another name: --rename-class A=B."
            )
        if len(set(old)) < len(old):
            raise ConfigurationError(f"--merge-classes {text} names a class twice.")
        if len(old) == len(classes.names):
            raise ConfigurationError(
                f"--merge-classes {text} makes all classes one, and a classifier needs two or more. Leave one out."
            )
        classes = _joined(classes, old, new, f"--merge-classes {text}")
    for text in added:
        classes = _with(classes, text)
    return classes


def _with(classes: Classes, text: str) -> Classes:
    """The classes with a new one behind them."""
    flag = f"--classes {text}"
    if not text.startswith("+") or not text[1:].strip():
        raise ConfigurationError(
            f"{flag}: a new class is written with a plus sign, --classes +NAME. To change others: --rename-class "
            "OLD=NEW or --merge-classes A,B=NEW."
        )
    name = text[1:].strip()
    _refuse_taken(name, classes.names, flag)
    _refuse_former(name, classes.former, flag)
    return Classes([*classes.names, name], classes.former)


def _joined(classes: Classes, old: list[str], new: str, flag: str) -> Classes:
    """The classes with some of them as one, which stands where the first of them stood."""
    others = [name for name in classes.names if name not in old]
    _refuse_taken(new, others, flag, merging=old)
    _refuse_former(new, {name: now for name, now in classes.former.items() if now not in old}, flag)
    if old == [new]:
        raise ConfigurationError(f"{flag}: the class is called so already.")
    first = min(old, key=classes.names.index)
    names = [new if name == first else name for name in classes.names if name == first or name not in old]
    former = {name: new if now in old else now for name, now in classes.former.items()} | dict.fromkeys(old, new)
    former.pop(new, None)
    return Classes(names, former)


def _refuse_taken(name: str, names: Sequence[str], flag: str, merging: Sequence[str] = ()) -> None:
    """Refuse a name that is that of a class, also in another spelling."""
    taken = next((one for one in names if folded(one) == folded(name)), None)
    if taken is None:
        return
    if taken == name:
        together = ",".join([*merging, name])
        remedy = f" To join them: --merge-classes {together}={name}." if merging else ""
        raise ConfigurationError(f"{flag}: {name!r} is a class already.{remedy}")
    raise ConfigurationError(
        f"{flag}: {name!r} and the class {taken!r} differ {difference(name, taken)}, and people take them for one. "
        "Choose another name."
    )


def _refuse_former(name: str, former: Mapping[str, str], flag: str) -> None:
    """Refuse a name that a class had before which is another one now, also in another spelling."""
    before = next((one for one in former if folded(one) == folded(name)), None)
    if before is not None:
        raise ConfigurationError(
            f"{flag}: answers under {before!r} count as {former[before]!r} since that was renamed or merged. Choose "
            "another name."
        )


def _parts(text: str, flag: str, classes: Classes) -> tuple[list[str], str]:
    """The classes before an equals sign, and the name behind it; either may have such signs and commas itself.

    Raises:
        ConfigurationError: there is no way to read it by the classes that there are.
    """
    pieces = text.split("=")
    for count in range(1, len(pieces)):
        before, new = "=".join(pieces[:count]), "=".join(pieces[count:]).strip()
        old = _listed(before.split(","), classes.names)
        if old and new:
            return old, new
    if len(pieces) < 2 or not pieces[0].strip() or not pieces[-1].strip():
        example = "OLD=NEW" if flag == "--rename-class" else "A,B=NEW"
        raise ConfigurationError(f"{flag} {text}: write it as {flag} {example}.")
    wanted = [part.strip() for part in pieces[0].split(",")]
    unknown = next((part for part in wanted if part not in classes.names), wanted[0])
    raise ConfigurationError(f"{flag} {text}: {unknown!r} is not a class.{_nearest(unknown, classes)}")


def _listed(pieces: Sequence[str], names: Sequence[str]) -> list[str]:
    """The classes that a text lists by commas, which some may have in their names; empty where it lists others."""
    if not pieces:
        return []
    for count in range(len(pieces), 0, -1):
        name = ",".join(pieces[:count]).strip()
        if name in names:
            if count == len(pieces):
                return [name]
            if rest := _listed(pieces[count:], names):
                return [name, *rest]
    return []


def _nearest(name: str, classes: Classes) -> str:
    """What else may have been meant."""
    if name in classes.former:
        return f" It is {classes.former[name]!r} now."
    alike = next((one for one in classes.names if folded(one) == folded(name)), None)
    return f" Did you mean {alike!r}?" if alike else near_miss(name, classes.names) or f" {_all(classes.names)}"


def _all(names: Sequence[str], most: int = 20) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return f"The classes are {', '.join(names[:most])}{more}."


def classes_in_words(before: Campaign, after: Campaign) -> list[str]:
    """A line for each class that came, and for each that was renamed or merged."""
    sources: dict[str, list[str]] = {name: [] for name in after.classes}
    for name in before.classes:
        sources[after.class_of(name)].append(name)
    lines = []
    for name, old in sources.items():
        if not old:
            lines.append(f"class added: {name}")
        elif len(old) > 1:
            lines.append(f"classes merged: {', '.join(old)} → {name}")
        elif old != [name]:
            lines.append(f"class renamed: {old[0]} → {name}")
    return lines


def as_changes(campaign: Campaign, classes: Classes) -> dict[str, JsonValue]:
    """What an amendment writes of the classes: nothing where they stay."""
    changes: dict[str, JsonValue] = {}
    if classes.names != campaign.classes:
        changes["classes"] = list[JsonValue](classes.names)
    if classes.former != campaign.former_classes:
        changes["former_classes"] = dict[str, JsonValue](sorted(classes.former.items()))
    return changes
