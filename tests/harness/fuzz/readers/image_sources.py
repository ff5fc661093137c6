"""What `--images` may name beside image files: manifests, Parquet files with images, shards of WebDataset."""

import io
import json
import tarfile
from random import Random

import numpy as np
import pyarrow as pa
from PIL import Image

from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.image_sources import samples_of_images
from tests.harness.fuzz import parquet_mutation
from tests.harness.fuzz.json_mutation import json_lines_mutation
from tests.harness.fuzz.readers.label_files import csv_mutation
from tests.harness.fuzz.scratch import SCRATCH
from tests.harness.fuzz.target import Target, file_reader


def _png(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), number, np.uint8)).save(file, "PNG")
    return file.getvalue()


def _read(path: str) -> None:
    for number in range(3):
        (SCRATCH / f"image-{number}.png").write_bytes(_png(number))
    samples = samples_of_images(CampaignSettings(images=path, max_unreadable=1))
    pa.array([*samples.uris, *samples.labels.values(), *samples.uris.values()], pa.string())
    assert samples.reading is not None
    samples.reading.line.encode()


def _shard(members: dict[str, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


MEMBERS = {"a.png": _png(0), "a.cls": b"cat", "b/c.png": _png(1), "b/c.json": b'{"label": "dog"}', "d.txt": b"owl"}
ODD_NAMES = [
    "a\nb.png",
    "../e.png",
    "x" * 300 + ".png",
    ".png",
    "a.b.c.png",
    "ü.png",
    "a.png/",
    "__x.png",
    "a.tar",
    "c.CLS",
]
ODD_CONTENT = [b"", b"\xff", b"{", b'{"label": [1]}', b"nan", b"-1", b"[]", b'{"label": null}', b"a;b", _png(3)]
ODD_SIZES = [b"\x80" + b"\0" * 10 + b"\x05", b"\xff" * 12, b"77777777777\0", b"-0000000100\0", b"not a size!\0"]


def _shard_mutation(data: bytes, random: Random) -> bytes:
    members = dict(MEMBERS)
    for _ in range(random.choice((1, 2, 3))):
        name = random.choice([*members, *ODD_NAMES])
        members[name] = random.choice(ODD_CONTENT)
    kind = random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
    try:
        content = bytearray(_shard(members, kind))
    except ValueError:
        return data
    if random.randrange(3) == 0:
        header = 512 * random.randrange(len(content) // 512)
        content[header + 124 : header + 136] = random.choice(ODD_SIZES)
        total = sum(content[header : header + 512]) - sum(content[header + 148 : header + 156]) + 256
        content[header + 148 : header + 156] = b"%06o\0 " % total
    return bytes(content)


IMAGES = [{"bytes": _png(number), "path": f"{number}.png"} for number in range(3)]
METADATA = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}})}
TABLE = pa.table({"image": IMAGES, "label": [0, 1, -1]}).replace_schema_metadata(METADATA)
PLAIN = pa.table({"image": [_png(0), None, _png(1)], "label": ["cat", "dog", ""]})


def _stream(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return file.getvalue()


ROWS = ["uri,label,split", "image-0.png,cat,train", "image-1.png,dog,test", "image-2.png,,"]
GROUND_TRUTH = [
    {
        "source-ref": "image-0.png",
        "job": 0,
        "job-metadata": {"class-name": "cat", "type": "groundtruth/image-classification"},
    },
    {"source-ref": "image-1.png", "job-metadata": {"failure-reason": "nobody"}},
    {"source-ref": "image-2.png"},
]

TARGETS = [
    Target("manifest-csv", file_reader(_read, ".csv"), ("\n".join(ROWS).encode(),), csv_mutation),
    Target(
        "ground-truth",
        file_reader(_read, ".manifest"),
        ("\n".join(map(json.dumps, GROUND_TRUTH)).encode(),),
        json_lines_mutation,
    ),
    Target(
        "images-parquet",
        file_reader(_read, ".parquet"),
        (parquet_mutation.table_bytes(TABLE), parquet_mutation.table_bytes(PLAIN, compression="zstd")),
        parquet_mutation.parquet_mutation(TABLE.column_names),
    ),
    Target("images-arrow", file_reader(_read, ".arrow"), (_stream(TABLE), _stream(PLAIN))),
    Target(
        "images-tar",
        file_reader(_read, ".tar"),
        (_shard(MEMBERS), _shard(MEMBERS, tarfile.GNU_FORMAT)),
        _shard_mutation,
    ),
]
