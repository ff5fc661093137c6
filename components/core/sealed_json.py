"""JSON objects that carry the digest of their own content, so that one which has rotted is never believed."""

import json
from collections.abc import Mapping
from typing import Any

from labelcycle.components.core.digests import canonical_json, digest_of_json
from labelcycle.components.core.errors import CampaignError

SEAL = "sha256"
"""The field that holds the SHA-256 of the canonical JSON of all other fields."""


def sealed(content: Mapping[str, Any]) -> bytes:
    """`content` as canonical JSON with its seal.

    Raises:
        ValueError: `content` has a field of the seal's name.
    """
    if SEAL in content:
        raise ValueError(f"A field of the name {SEAL!r} is the seal's.")
    return canonical_json({**content, SEAL: digest_of_json(content)})


def unsealed(data: bytes, place: str, what: str, remedy: str = "Restore it from a backup.") -> dict[str, Any]:
    """The content of sealed JSON, without its seal.

    Args:
        data: what was read.
        place: the object's address, for messages.
        what: what it should be, such as `a commit`, for messages.
        remedy: what to do about a damaged one, in a sentence.

    Raises:
        CampaignError: no JSON object, no seal, or another content than was sealed.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CampaignError(f"{place} is not {what}: {error}. {remedy}") from error
    if not isinstance(content, dict) or SEAL not in content:
        raise CampaignError(f"{place} is not {what}: it has no field {SEAL!r}, the digest of its content. {remedy}")
    seal = content.pop(SEAL)
    if _digest(content) != seal:
        raise CampaignError(f"{place} was changed after it was written (its SHA-256 is not {seal}). {remedy}")
    return content


def _digest(content: dict[str, Any]) -> str | None:
    """The digest that the seal has to be; None for values that no canonical JSON has, such as NaN."""
    try:
        return digest_of_json(content)
    except (ValueError, RecursionError):
        return None
