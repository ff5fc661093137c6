"""Whole campaigns on Swift by the installed command: images, labels, weights and state all in a bucket."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object
from tests.services.quick import QUICK
from tests.services.swift.cluster import SwiftCluster
from tests.services.swift.configuration import SECRET_KEY

pytestmark = pytest.mark.usefixtures("mlflow")


def test_from_begin_to_end(labelcycle: Callable[..., Any], pictures: Any, bucket: str) -> None:
    data = open_store(f"s3://{bucket}/data")
    for path in [*pictures.images.rglob("*.png"), pictures.labels, pictures.test]:
        data.upload(path, path.relative_to(pictures.labels.parent).as_posix())
    root = f"s3://{bucket}/campaign"
    named = ["--images", data.locate("images"), "--labels-from", data.locate("labels.csv")]
    settings = ["--test", data.locate("test.csv"), "--budget", 16, "--batch", 8, *QUICK]
    begun = labelcycle("init", root, *named, *settings)
    assert begun.returncode == 0, begun.stderr
    assert "48 pool, 12 test; 3 classes" in begun.stdout
    ended = labelcycle("run", root)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("done: the budget of 16 labels is spent\n")
    facts = json.loads(labelcycle("status", root, "--json").stdout)
    assert [(cycle["labels"], cycle["query_size"]) for cycle in facts["cycles"]] == [(8, 8), (16, 0)]
    store = open_store(root)
    for commit in read_state(store).commits:
        for reference in commit.objects.values():
            read_object(store, reference)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "a-wrong-secret"}, "S3 refused s3://.*SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "test:nobody"}, "S3 refused s3://.*AWS_ACCESS_KEY_ID"),
    ],
    ids=["wrong secret", "unknown access key"],
)
def test_refused_credentials(
    labelcycle: Callable[..., Any],
    swift_root: str,
    embeddings: Path,
    settings: dict[str, str],
    message: str,
) -> None:
    for command in (["init", swift_root, "--embeddings", embeddings, "--budget", 8, *QUICK], ["run", swift_root]):
        refused = labelcycle(*command, **settings)
        assert refused.returncode == 1
        assert refused.stderr.count("error:") == 1
        assert re.search(message, " ".join(refused.stderr.split())), refused.stderr
        for secret in (SECRET_KEY, settings.get("AWS_SECRET_ACCESS_KEY", SECRET_KEY)):
            assert secret not in refused.stderr
    assert open_store(swift_root).keys("") == []


def test_a_campaign_cannot_begin_in_another_region(
    labelcycle: Callable[..., Any], swift_root: str, embeddings: Path
) -> None:
    """The answer to a GET leads to the right region; `init` begins with HEAD, whose answer does not."""
    begun = labelcycle("init", swift_root, "--embeddings", embeddings, "--budget", 8, AWS_DEFAULT_REGION="eu-west-7")
    assert begun.returncode == 1
    assert "S3 refused s3://" in begun.stderr
    assert "Set AWS_DEFAULT_REGION to the region of the bucket." in begun.stderr
    assert open_store(swift_root).keys("") == []


def test_missing_bucket(labelcycle: Callable[..., Any], swift: SwiftCluster, embeddings: Path) -> None:
    root = "s3://there-is-no-such-bucket/campaign"
    for command in (["init", root, "--embeddings", embeddings, "--budget", 8, *QUICK], ["run", root]):
        refused = labelcycle(*command)
        assert refused.returncode == 1
        assert "There is no bucket for s3://there-is-no-such-bucket/campaign" in refused.stderr
        assert "Create it, or correct its name." in refused.stderr
