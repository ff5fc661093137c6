"""What a stage reports about its work when it is done."""

import math
from collections.abc import Mapping
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

    def as_record(self) -> dict[str, object]:
        """All facts by name, for the campaign's own records: what is not known is None."""
        return asdict(self)

    def as_metadata(self) -> dict[str, object]:
        """The facts by name, for platforms: what is not known, and numbers that are not finite, are left out.

        Kubeflow Pipelines fails a task whose artifact's metadata holds null, after its work is done, and neither JSON
        nor its metrics have a value for NaN.
        """
        return {name: _known(value) for name, value in self.as_record().items() if _is_known(value)}


def _is_known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _known(value: Any) -> Any:
    """The value without what is not known, however deep that lies in mappings and lists."""
    if isinstance(value, Mapping):
        return {name: _known(inner) for name, inner in value.items() if _is_known(inner)}
    if isinstance(value, list | tuple):
        return [_known(inner) for inner in value if _is_known(inner)]
    return value
