"""Settings: the base class of every group of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A group of settings: immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def Later(default: object) -> Any:
    """Marks a setting that came later: it is not written while it has this default.

    Campaigns from before there was a choice keep their bytes, and with them their digests.
    """
    return Field(exclude_if=lambda value: value == default)
