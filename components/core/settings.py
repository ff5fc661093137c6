"""The base of every group of settings that is read from YAML or JSON."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings: immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
