"""Open the store of a root, by the root's scheme."""

from pathlib import Path
from urllib.parse import unquote

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.components.core.storage.store import CountedStore, Store


def open_store(root: str) -> Store:
    """The store at `root`: a folder path, a `file://` URI or `s3://bucket/prefix`. What goes through it is counted.

    Raises:
        ConfigurationError: the root is empty, of another scheme, or on another host.
    """
    if not root:
        raise ConfigurationError("The campaign root is empty. Name a folder or s3://bucket/prefix.")
    if root.startswith("s3://"):
        from labelcycle.components.core.storage.s3 import S3Store

        return CountedStore(S3Store(root), requests=False)
    if root.startswith("file://"):
        path = unquote(root.removeprefix("file://").removeprefix("localhost"))
        if not path.startswith("/"):
            raise ConfigurationError(f"Cannot open {root!r}: a file URI starts with file:/// and an absolute path.")
        return CountedStore(FolderStore(Path(path)))
    if "://" in root:
        raise ConfigurationError(f"Cannot open {root!r}: a campaign root is a folder or s3://bucket/prefix.")
    return CountedStore(FolderStore(Path(root)))
