"""Campaigns on the cluster's S3 server: their data, how they begin, and what they have become."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster
from tests.conftest import CLASSES, Pictures

BUCKET, DATA = "campaigns", "data"


@dataclass(frozen=True)
class Campaigns:
    """Campaigns of sixty small pictures in three classes.

    Attributes:
        cluster: where they run.
        client: a client of its S3 server.
        labels: file of the labels of all pictures.
    """

    cluster: Cluster
    client: Any
    labels: Path

    def begin(self, name: str, *further: object, answered: bool = True) -> str:
        """Begin a campaign by the documented command; returns its root.

        Args:
            name: of the campaign and of its prefix.
            further: more options of `labelcycle init`.
            answered: whether a label file plays the annotator; otherwise people do.
        """
        root = f"s3://{BUCKET}/{name}"
        data = ["--images", f"s3://{DATA}/images", "--test", f"s3://{DATA}/test.csv"]
        people = ["--labels-from", f"s3://{DATA}/labels.csv"] if answered else ["--classes", ",".join(CLASSES)]
        self.cluster.labelcycle("init", root, *data, *people, *further)
        return root

    def begin_on_embeddings(self, name: str, embeddings: Path, *further: object) -> str:
        """Begin a campaign of labelled embeddings in a file: its stages need no images and no network."""
        root = f"s3://{BUCKET}/{name}"
        self.cluster.labelcycle("init", root, "--embeddings", embeddings, *further)
        return root

    def copy(self, root: str, name: str) -> str:
        """A campaign of the same bytes under another prefix; returns its root."""
        prefix = f"{root.removeprefix(f's3://{BUCKET}/')}/"
        for key in self.keys(prefix):
            place = {"Bucket": BUCKET, "Key": f"{name}/{key.removeprefix(prefix)}"}
            self.client.copy_object(CopySource={"Bucket": BUCKET, "Key": key}, **place)
        return f"s3://{BUCKET}/{name}"

    def keys(self, prefix: str, bucket: str = BUCKET) -> list[str]:
        """Keys of a bucket's objects under a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def status(self, root: str) -> dict[str, Any]:
        """What `labelcycle status --json` says."""
        facts: dict[str, Any] = json.loads(self.cluster.labelcycle("status", root, "--json"))
        return facts


def on(cluster: Cluster, pictures: Pictures) -> Campaigns:
    """Put the data into the S3 server of a cluster, once for all campaigns."""
    client = cluster.stores.client()
    for bucket in (BUCKET, DATA):
        client.create_bucket(Bucket=bucket)
    for file in (pictures.labels, pictures.test):
        client.put_object(Bucket=DATA, Key=file.name, Body=file.read_bytes())
    for file in pictures.images.rglob("*.png"):
        key = f"images/{file.relative_to(pictures.images).as_posix()}"
        client.put_object(Bucket=DATA, Key=key, Body=file.read_bytes())
    return Campaigns(cluster, client, pictures.labels)
