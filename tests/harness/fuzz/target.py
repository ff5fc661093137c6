"""What is fuzzed: a reader of outside bytes, valid examples of what it reads, and the rule that it must keep."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from labelcycle.components.core.errors import LabelcycleError
from tests.harness.fuzz.scratch import SCRATCH

LONGEST_MESSAGE = 10_000
"""Characters that a message may have, however long the input is."""

Mutation = Callable[[bytes, Random], bytes]


class BrokenRule(Exception):
    """The reader refused the input as it should, but with a message that does not serve."""


@dataclass(frozen=True)
class Target:
    """A reader and the rule that holds for all: whatever the bytes, it reads them, or raises one of its own errors.

    Attributes:
        name: its name, such as `labels-csv`.
        read: reads the bytes, and uses what it found as the next code does.
        seeds: valid examples.
        mutation: damages that know the format, beside those of bytes; None where there are none.
        refusals: the errors that may come out.
        megabytes: address space that reading may take beside what the process had before.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    mutation: Mutation | None = None
    refusals: tuple[type[Exception], ...] = (LabelcycleError,)
    megabytes: int = 1024

    def check(self, data: bytes) -> bool:
        """Read the bytes; returns whether they were accepted.

        Raises:
            Exception: the rule is broken.
        """
        try:
            self.read(data)
        except self.refusals as error:
            message = str(error)
            message.encode()
            if not message or len(message) > LONGEST_MESSAGE:
                raise BrokenRule(f"a message of {len(message):,} characters") from error
            return False
        return True


def file_reader(read: Callable[[str], object], ending: str) -> Callable[[bytes], object]:
    """A reader of files as a reader of bytes: they are written to a file with this ending first."""
    path = SCRATCH / f"input{ending}"

    def written(data: bytes) -> object:
        path.write_bytes(data)
        return read(str(path))

    return written
