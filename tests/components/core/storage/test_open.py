"""Which root opens which store."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.components.core.storage.store import CountedStore


@pytest.mark.parametrize(
    ("root", "folder"),
    [
        ("{folder}/a", "a"),
        ("file://{folder}/a", "a"),
        ("file://localhost{folder}/a", "a"),
        ("file://{folder}/with%20space", "with space"),
        ("file://{folder}/a#b?c", "a#b?c"),
    ],
)
def test_folders(root: str, folder: str, tmp_path: Path) -> None:
    store = open_store(root.format(folder=tmp_path))
    assert isinstance(store, CountedStore) and isinstance(store.store, FolderStore)
    assert store.root == str(tmp_path / folder)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("s3://bucket/some/prefix", "s3://bucket/some/prefix"),
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
        ("s3://bucket", "s3://bucket"),
    ],
)
def test_s3(root: str, expected: str, aws_environment: None) -> None:
    store = open_store(root)
    assert isinstance(store, CountedStore) and isinstance(store.store, S3Store)
    assert store.root == expected


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("", "root is empty"),
        ("gs://bucket/prefix", "Cannot open 'gs://bucket/prefix'"),
        ("https://example.org/campaign", "Cannot open 'https:"),
        ("file://host/share", "starts with file:///"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
    ],
)
def test_roots_that_cannot_be_opened(root: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_store(root)
