"""Small pictures, and what `--images` makes of where they lie."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.image_sources import samples_of_images
from labelcycle.pipelines.initialise.samples import Samples

PNG = 8
"""Side of the pictures."""


def picture(number: int) -> bytes:
    """A picture of noise; another for each number."""
    pixels = np.random.default_rng(number).integers(0, 255, (PNG, PNG, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def lay(store_root: str) -> Callable[..., str]:
    """A function: names of images, and contents of other files → the folder or S3 prefix with them."""

    def laid(*names: str, others: Mapping[str, bytes] | None = None) -> str:
        store = open_store(store_root)
        for number, name in enumerate(names):
            store.write(name, picture(number))
        for name, content in (others or {}).items():
            store.write(name, content)
        return store_root

    return laid


@pytest.fixture
def read() -> Callable[..., Samples]:
    """A function: what `--images` names, and other settings → its samples."""

    def samples(source: object, **settings: Any) -> Samples:
        return samples_of_images(CampaignSettings(images=str(source), **settings))

    return samples


def shard(members: Mapping[str, bytes]) -> bytes:
    """A tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def table(columns: dict[str, Any], metadata: dict[str, str] | None = None, **settings: Any) -> bytes:
    """A Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), file, **settings)
    return file.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """A function: name, content → the file."""

    def written(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return written
