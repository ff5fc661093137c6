"""Settings: the base class of every group of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Settings(BaseModel):
    """A group of settings: immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


OF_A_LATER_VERSION = "If a later version of labelcycle wrote it, go on with that version."


def knows_less(error: ValidationError) -> bool:
    """Whether something was refused only because it has keys that this version does not know."""
    return all(problem["type"] == "extra_forbidden" for problem in error.errors())


def Later(default: object) -> Any:
    """Marks a setting that came later: it is not written while it has this default.

    Campaigns from before there was a choice keep their bytes, and with them their digests.
    """
    return Field(exclude_if=lambda value: value == default)
