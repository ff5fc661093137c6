"""What a reader of one kind of manifest makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ManifestRows:
    """The rows of a manifest, as many in each list.

    Attributes:
        rows: where in the file each stands.
        addresses: where its image is, as the file says it.
        names: what its sample is called; empty for the address.
        labels: the text in the label's place.
        splits: the text in the split's place.
        unread: columns that say nothing here.
    """

    rows: Sequence[int]
    addresses: Sequence[str]
    names: Sequence[str]
    labels: Sequence[str]
    splits: Sequence[str]
    unread: Sequence[str] = ()
