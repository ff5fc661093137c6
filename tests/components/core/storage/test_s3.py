"""What only S3 can do wrong."""

import gc
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.components.core.storage.s3_connection import s3_client, split_s3_uri
from labelcycle.components.core.storage.s3_failures import s3_errors


def every_use(store: Store, local: Path) -> list[Callable[[], object]]:
    local.write_bytes(b"content")
    return [
        lambda: store.read("key"),
        lambda: store.write("key", b""),
        lambda: store.write_if_absent("key", b""),
        lambda: store.upload(local, "key"),
        lambda: store.fetch("key"),
        lambda: store.exists("key"),
        lambda: store.keys(""),
    ]


def assert_every_use_raises(store: Store, local: Path, error: type[LabelcycleError], message: str) -> None:
    for use in every_use(store, local):
        with pytest.raises(error, match=message):
            use()


@pytest.mark.parametrize(
    ("uri", "bucket", "prefix"),
    [("s3://b/p/q", "b", "p/q"), ("s3://b/p/", "b", "p"), ("s3://b", "b", ""), ("s3://b/", "b", "")],
)
def test_split_s3_uri(uri: str, bucket: str, prefix: str) -> None:
    assert split_s3_uri(uri) == (bucket, prefix)


def test_missing_bucket(s3_endpoint: str, tmp_path: Path) -> None:
    store = open_store("s3://there-is-no-such-bucket/prefix")
    assert_every_use_raises(store, tmp_path / "local", ConfigurationError, "There is no bucket for s3://there-is-no")


def test_impossible_bucket_name(s3_endpoint: str, tmp_path: Path) -> None:
    store = open_store("s3://not a bucket/prefix")
    assert_every_use_raises(store, tmp_path / "local", ConfigurationError, "not a bucket.*[Cc]orrect")


def test_no_credentials(s3_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    message = "No credentials for s3://bucket.*Set AWS_ACCESS_KEY_ID"
    assert_every_use_raises(open_store(s3_root), tmp_path / "local", ConfigurationError, message)


def test_unreachable_endpoint(s3_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    message = "Cannot reach S3 for s3://bucket.*AWS_ENDPOINT_URL"
    assert_every_use_raises(open_store(s3_root), tmp_path / "local", TransientError, message)
    assert 7 <= len(pauses) <= 7 * 4


def test_connecting_is_given_up_within_a_minute(aws_environment: None) -> None:
    config = s3_client().meta.config
    assert config.connect_timeout * config.retries["total_max_attempts"] <= 30


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_ENDPOINT_URL", "localhost:9000"), ("AWS_PROFILE", "nobody"), ("AWS_S3_ADDRESSING_STYLE", "sideways")],
)
def test_unusable_aws_settings(aws_environment: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"AWS settings cannot be used: .*{value}"):
        open_store("s3://bucket/prefix")


@pytest.mark.parametrize(
    ("settings", "style"),
    [
        ({}, "auto"),
        ({"AWS_ENDPOINT_URL": ""}, "auto"),
        ({"AWS_ENDPOINT_URL": "http://localhost:9000"}, "path"),
        ({"AWS_ENDPOINT_URL_S3": "http://localhost:9000"}, "path"),
        ({"AWS_ENDPOINT_URL": "http://localhost:9000", "AWS_S3_ADDRESSING_STYLE": "virtual"}, "virtual"),
    ],
)
def test_addressing_style(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], style: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert s3_client().meta.config.s3["addressing_style"] == style


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("404", FileNotFoundError, "s3://b/k"),
        ("NoSuchKey", FileNotFoundError, "s3://b/k"),
        ("NoSuchBucket", ConfigurationError, "no bucket"),
        ("403", ConfigurationError, "S3 refused s3://b/k"),
        ("AccessDenied", ConfigurationError, "S3 refused s3://b/k"),
        ("AuthorizationHeaderMalformed", ConfigurationError, "Set AWS_DEFAULT_REGION"),
        ("RequestTimeTooSkewed", ConfigurationError, "Set this machine's clock"),
        ("NotImplemented", ConfigurationError, "conditional writes"),
        ("SlowDown", TransientError, "Run the same command again"),
        ("500", TransientError, "Run the same command again"),
    ],
)
def test_error_codes(code: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message), s3_errors("s3://b/k"):
        raise botocore.exceptions.ClientError({"Error": {"Code": code}}, "GetObject")


class ScriptedClient:
    """Answers requests with the given codes in turn; an empty code is success."""

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes

    def _answer(self, operation: str) -> None:
        if code := self.codes.pop(0):
            raise botocore.exceptions.ClientError({"Error": {"Code": code}}, operation)

    def put_object(self, **arguments: Any) -> None:
        self._answer("PutObject")

    def head_object(self, **arguments: Any) -> None:
        self._answer("HeadObject")

    def list_objects_v2(self, **arguments: Any) -> None:
        self._answer("ListObjectsV2")

    def download_file(self, *arguments: Any) -> None:
        self._answer("HeadObject")


@pytest.mark.parametrize(
    ("codes", "won"),
    [
        (["ConditionalRequestConflict", "", "412"], True),
        (["ConditionalRequestConflict", "409", "PreconditionFailed"], False),
        (["412"], False),
    ],
)
def test_conditional_puts_that_collide_are_tried_again(codes: list[str], won: bool) -> None:
    assert S3Store("s3://bucket", ScriptedClient(codes)).write_if_absent("key", b"") is won
    assert codes == []


def test_conditional_puts_that_never_stop_colliding() -> None:
    with pytest.raises(TransientError, match="ConditionalRequestConflict"):
        S3Store("s3://bucket", ScriptedClient(["ConditionalRequestConflict"] * 50)).write_if_absent("key", b"")


def test_a_server_that_ignores_conditions_is_found_out() -> None:
    with pytest.raises(ConfigurationError, match="s3://bucket/key ignores conditional writes"):
        S3Store("s3://bucket", ScriptedClient(["", ""])).write_if_absent("key", b"")


@pytest.mark.parametrize("known_by", [["", "412"], ["412"]], ids=["a second put", "a put that lost"])
def test_a_server_is_asked_once_whether_conditions_hold(known_by: list[str]) -> None:
    store = S3Store("s3://bucket", ScriptedClient([*known_by, ""]))
    store.write_if_absent("key", b"")
    assert store.write_if_absent("another", b"")


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (["403", "SignatureDoesNotMatch"], ConfigurationError, r"refused s3://bucket/key \(SignatureDoesNotMatch\)"),
        (["403", ""], ConfigurationError, r"refused s3://bucket/key \(403\)"),
        (["400", "AuthorizationHeaderMalformed"], ConfigurationError, "AWS_DEFAULT_REGION"),
        (["400", ""], ConfigurationError, "AWS_DEFAULT_REGION"),
        (["404", "NoSuchBucket"], ConfigurationError, "There is no bucket"),
        (["503", "SlowDown"], TransientError, "SlowDown"),
        (["404", ""], FileNotFoundError, "s3://bucket/key"),
        (["404", "AccessDenied"], FileNotFoundError, "s3://bucket/key"),
    ],
)
def test_a_bare_status_is_explained_by_a_listing(codes: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        S3Store("s3://bucket", ScriptedClient(list(codes))).fetch("key")
    store = S3Store("s3://bucket", ScriptedClient(list(codes)))
    if error is FileNotFoundError:
        assert not store.exists("key")
    else:
        with pytest.raises(error, match=message):
            store.exists("key")


def test_folder_markers_of_consoles_are_no_keys(s3_root: str) -> None:
    bucket, prefix = split_s3_uri(s3_root)
    for key in (f"{prefix}/", f"{prefix}/a/", f"{prefix}/a/object"):
        s3_client().put_object(Bucket=bucket, Key=key, Body=b"")
    assert open_store(s3_root).keys("") == ["a/object"]


def test_neighbouring_prefixes_are_not_listed(s3_root: str) -> None:
    open_store(s3_root + "-of-another").write("key", b"")
    assert open_store(s3_root).keys("") == []


def test_more_keys_than_one_page_holds(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(s3_root)
    for number in range(5):
        store.write(f"{number}", b"")
    bucket, _ = split_s3_uri(s3_root)
    client = s3_client()
    listing = client.list_objects_v2
    paged = client.get_paginator("list_objects_v2")
    paged._method = lambda **arguments: listing(**{**arguments, "MaxKeys": 2})
    monkeypatch.setattr(client, "get_paginator", lambda name: paged)
    assert S3Store(s3_root, client).keys("") == ["0", "1", "2", "3", "4"]


def test_a_whole_bucket_can_be_a_root(s3_root: str) -> None:
    bucket, _ = split_s3_uri(s3_root)
    store = open_store(f"s3://{bucket}")
    store.write("a/b", b"content")
    assert store.keys("") == ["a/b"]
    assert store.read("a/b") == b"content"


def test_fetched_copies_go_with_the_store(s3_root: str) -> None:
    store = open_store(s3_root)
    store.write("key", b"")
    path = store.fetch("key")
    del store
    gc.collect()
    assert not path.exists()
    assert not path.parent.exists()
