"""Where a campaign lives: a folder or an S3 prefix, behind one small interface."""

from labelcycle.components.core.storage.open import open_store
from labelcycle.components.core.storage.store import Store

__all__ = ["Store", "open_store"]
