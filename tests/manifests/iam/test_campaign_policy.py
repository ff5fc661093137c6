"""The policy of campaigns allows every request of a whole campaign, and nothing that no campaign does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.images import source
from labelcycle.components.core.storage import open_store, s3
from labelcycle.components.core.storage.s3_connection import s3_client, split_s3_uri
from tests.manifests.iam.policy import Call, actions_of, calls_of, read_policy, rights_used

POLICY = Path(__file__).parents[3] / "manifests" / "iam" / "labelcycle-campaign-policy.json"
NAMES = {"CAMPAIGN-BUCKET": "roots", "CAMPAIGNS": "all", "DATA-BUCKET": "data", "DATA": "museum"}
LARGE = 9 * 1024**2


@pytest.fixture
def calls(own_s3_client: None, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every S3 request from here on."""
    made: list[Call] = []

    def note(params: dict[str, Any], model: Any, **rest: Any) -> None:
        made.extend(calls_of(model.name, params))

    def client() -> Any:
        new = s3_client()
        new.meta.events.register("before-parameter-build.s3", note)
        return new

    monkeypatch.setattr(s3, "s3_client", client)
    source.image_client.cache_clear()
    return made


def broken(**request: Any) -> None:
    raise ConnectionError("the network is gone")


def test_a_campaign_uses_every_right_and_no_other(
    s3_root: str, begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path, calls: list[Call]
) -> None:
    bucket, _ = split_s3_uri(s3_root)
    data = open_store(f"s3://{bucket}/museum")
    for path in [*pictures.images.rglob("*.png"), pictures.labels, pictures.test]:
        data.upload(path, path.relative_to(pictures.labels.parent).as_posix())
    calls.clear()

    root = f"s3://{bucket}/all/pictures"
    named = {"images": data.locate("images"), "labels_from": data.locate("labels.csv")}
    campaign = begin_on_images(root, **named, test=data.locate("test.csv"), budget=16)
    for _ in range(3):
        campaign.run_cycle()
    assert campaign.state.phase == "done"
    send_in_parts(root, tmp_path / "large.bin")

    statements = read_policy(POLICY, NAMES | {"CAMPAIGN-BUCKET": bucket, "DATA-BUCKET": bucket})
    granted = {(statement["Sid"], action) for statement in statements for action in actions_of(statement)}
    used = set[tuple[str, str]]()
    for call in set(calls):
        rights = rights_used(statements, call)
        assert rights, f"the policy denies {call}"
        used |= rights
    assert used == granted


def send_in_parts(root: str, path: Path) -> None:
    """Upload an object that is large enough for parts, once to the end and once until the network fails."""
    path.write_bytes(bytes(LARGE))
    open_store(root).upload(path, "spaces/large")
    failing = s3.S3Store(root)
    failing._client.meta.events.register("before-send.s3.UploadPart", broken)
    with pytest.raises((TransientError, ConnectionError)):
        failing.upload(path, "spaces/failing")


@pytest.mark.parametrize(
    "call",
    [
        Call("PutObject", "data", "museum/images/1.png"),
        Call("AbortMultipartUpload", "data", "museum/images/1.png"),
        Call("GetObject", "data", "elsewhere/1.png"),
        Call("GetObject", "roots", "museum/images/1.png"),
        Call("PutObject", "roots", "all-of-another/campaign.json"),
        Call("ListObjectsV2", "roots", prefix=""),
        Call("ListObjectsV2", "roots", prefix="elsewhere/"),
        Call("ListObjectsV2", "another", prefix="all/"),
    ],
    ids=str,
)
def test_what_no_campaign_does_is_denied(call: Call) -> None:
    assert not rights_used(read_policy(POLICY, NAMES), call)


def test_nothing_can_be_deleted_or_administered() -> None:
    granted = {action for statement in read_policy(POLICY, NAMES) for action in actions_of(statement)}
    assert granted == {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket"}
