"""What a check of a campaign has found wrong, or worth knowing."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["damaged", "missing", "foreign", "inconsistent", "erased", "note"]
"""`damaged`: not what was written. `missing`: named, but not there. `foreign`: nothing that labelcycle has written.
`inconsistent`: each object is whole, but they do not belong together. `erased`: samples that people had erased are not
in it any more. `note`: nothing is wrong."""


ERASE_AGAIN = "It still has samples that were to be erased. Run the same labelcycle amend --erase again."


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: how bad it is.
        place: the object's key below the campaign's root.
        message: what is wrong and what to do about it, in words.
    """

    kind: Kind
    place: str
    message: str

    @property
    def is_fault(self) -> bool:
        """Whether the campaign is not sound because of it."""
        return self.kind not in ("erased", "note")
