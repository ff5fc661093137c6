"""What a stage tells about its work when it is done."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """Base of every stage's facts: plain values only, so that any platform can keep them beside its artifacts.

    A stage that works on samples names the fact that counts them: `class Scored(Facts, rows="scored")`.
    """

    _rows = ""

    def __init_subclass__(cls, rows: str = "") -> None:
        super().__init_subclass__()
        cls._rows = rows

    @property
    def rows(self) -> int | None:
        """How many samples the stage worked on; None where it counts none."""
        return int(getattr(self, self._rows)) if self._rows else None

    def as_metadata(self) -> dict[str, Any]:
        """The facts by name."""
        return asdict(self)
