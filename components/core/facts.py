"""What a stage tells about its work when it is done."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """Base of every stage's facts: plain values only, so that any platform can keep them beside its artifacts."""

    def as_metadata(self) -> dict[str, Any]:
        """The facts by name."""
        return asdict(self)
