"""Freeze small campaigns as this version of labelcycle writes them; see README.md."""

import argparse
import io
import logging
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3.session
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from PIL import Image
from werkzeug.serving import make_server

from labelcycle.components.core.storage import open_store
from tests.blank_figures import coarsely
from tests.conftest import CLASSES, one_at_a_time, write_embeddings, write_text_encoder
from tests.frozen_roots import tiny_backbone
from tests.frozen_roots.archives import BUCKET, FOLDER, INPUTS, pack, read_all, unpack, write_all
from tests.frozen_roots.campaigns import CAMPAIGNS, begin

EACH = 14
"""Images of each class; two of them are test images."""

DOTS_AN_INCH = 10
"""Of the plots in pages and pictures, which would otherwise take up nearly all of an archive."""


@contextmanager
def s3_of_our_own() -> Iterator[None]:
    """An S3 server with the bucket of the frozen roots, which the environment names."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, one_at_a_time(DomainDispatcherApplication(create_backend_app)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update({"AWS_ENDPOINT_URL": address, **keys})
    boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
    yield
    server.shutdown()
    server.server_close()


def inputs() -> dict[str, bytes]:
    """Tiny images in three classes, labels of all of them and of the test set, and the backbone's first weights."""
    generator = np.random.default_rng(0)
    objects, rows = {}, []
    for number, name in enumerate(CLASSES):
        for index in range(EACH):
            quarters = generator.integers(0, 90, (2, 2, 3), dtype=np.uint8)
            quarters[..., number] += 120
            pixels = quarters.repeat(8, axis=0).repeat(8, axis=1)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "png", optimize=True)
            objects[f"images/{name}/{index:02d}.png"] = file.getvalue()
            rows.append((f"{name}/{index:02d}.png", name, index))
    header = "sample_id,label\n"
    objects["labels.csv"] = (header + "".join(f"{key},{label}\n" for key, label, _ in rows)).encode()
    objects["test.csv"] = (header + "".join(f"{key},{label}\n" for key, label, row in rows if row < 2)).encode()
    objects[f"{tiny_backbone.NAME}.safetensors"] = tiny_backbone.random_weights()
    return objects


def unlabelled(path: Path, target: Path) -> Path:
    """The same embeddings with the labels of the test set alone."""
    arrays: dict[str, Any] = dict(np.load(path))
    arrays["labels"] = np.where(arrays["splits"] == "test", arrays["labels"], "")
    np.savez(target, **arrays)
    return target


def main() -> None:
    """Freeze all campaigns, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="campaigns; all without")
    parser.add_argument("--commit", default="", help="the commit whose code this is, where another is checked out")
    asked = parser.parse_args()
    FigureCanvasAgg.print_png = coarsely(DOTS_AN_INCH)
    git = ["git", "rev-parse", "--short=7", "HEAD"]
    version = asked.commit or subprocess.run(git, check=True, capture_output=True, text=True, cwd=FOLDER).stdout.strip()
    if not INPUTS.exists():
        pack(inputs(), INPUTS)
    with tempfile.TemporaryDirectory() as scratch, s3_of_our_own():
        folder = Path(scratch)
        write_all(open_store(f"s3://{BUCKET}/inputs"), unpack(INPUTS))
        vectors = {"vectors": write_embeddings(folder / "vectors.npz")}
        vectors["unlabelled"] = unlabelled(vectors["vectors"], folder / "unlabelled.npz")
        encoder = write_text_encoder(folder / "text-encoder")
        for name in asked.names or CAMPAIGNS:
            root = f"s3://{BUCKET}/{version}/{name}"
            CAMPAIGNS[name].bring(begin(name, root, vectors, encoder))
            archive = FOLDER / version / f"{name}.tar.xz"
            pack(read_all(open_store(root)), archive)
            print(f"{archive.relative_to(FOLDER)}: {archive.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
