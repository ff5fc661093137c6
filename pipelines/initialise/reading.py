"""What became of all that a source of samples holds, in one line: read, labelled, set aside, passed over."""

import re
from collections import Counter
from dataclasses import dataclass, field

from labelcycle.components.core.errors import printable

_QUOTED = re.compile(r""" (?:'[^']*'|"[^"]*")""")

SHOWN = 5
"""Reasons, classes or columns that a line names."""


@dataclass
class Reading:
    """How a source of samples was read.

    Attributes:
        source: the folder, prefix or file, as the user named it.
        read: usable samples.
        set_aside: how many samples cannot be used, by reason.
        first_aside: the first of these, in words.
        remarks: what else there is to say, each a few words.
        passed_over: what is no sample, in words; empty where nothing is.
    """

    source: str
    read: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    first_aside: str = ""
    remarks: list[str] = field(default_factory=list)
    passed_over: str = ""

    @property
    def line(self) -> str:
        """All of it, such as `photos: read 12 samples; set aside 1: empty file 1, first 'a.png'.` as one line."""
        parts = [f"read {self.read:,} sample{'' if self.read == 1 else 's'}", *self.remarks]
        if self.set_aside:
            reasons = listed([f"{reason} {count:,}" for reason, count in self.set_aside.most_common()])
            first = f", first {self.first_aside}" if self.first_aside else ""
            parts.append(f"set aside {self.set_aside.total():,}: {reasons}{first}")
        if self.passed_over:
            parts.append(f"passed over {self.passed_over}")
        return printable(f"{self.source}: {'; '.join(parts)}.")


def kind_of(reason: str) -> str:
    """A reason without what is of one sample alone: `cannot be decoded: …`, or the name of another."""
    return _QUOTED.sub("", reason.partition(":")[0])


def listed(names: list[str]) -> str:
    """The first of several names or phrases, with commas between them."""
    return ", ".join(names[:SHOWN] + (["…"] if len(names) > SHOWN else []))


def named(name: str) -> str:
    """A name as a sentence shows it: in quotes, where its digits or signs could be taken for the sentence's own."""
    return name if all(part.isalpha() for part in re.split("[ _-]", name)) else repr(name)
