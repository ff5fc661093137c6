"""What the S3 store makes of a server, and of a way to it, that fail."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.retries.standard
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import Store, s3_connection, s3_failures
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.components.core.storage.s3_connection import s3_client, split_s3_uri
from tests.harness.faulty_s3.faults import POSSIBLE, Fault, Scripted
from tests.harness.faulty_s3.proxy import FaultyS3, Nothing, faulty_s3

CONTENT = bytes(range(256)) * 8
LARGE = 8 * 2**20 + 1
"""Bytes of a file that boto3 uploads in two parts."""

USES: dict[str, str] = {
    "read": "GetObject",
    "write": "PutObject",
    "write_if_absent": "PutObject if absent",
    "fetch": "GetObject",
    "fetch, its size": "HeadObject",
    "exists": "HeadObject",
    "keys": "ListObjects",
    "upload": "PutObject",
    "upload, begin": "CreateMultipartUpload",
    "upload, part": "UploadPart",
    "upload, end": "CompleteMultipartUpload",
}
SURVIVED = [
    (use, operation, fault)
    for use, operation in USES.items()
    for fault in POSSIBLE[operation]
    if not (operation == "ListObjects" and fault is Fault.TRICKLE)
]


@pytest.fixture(scope="module")
def module_proxy(s3_server: str) -> Iterator[FaultyS3]:
    """One proxy for all tests here."""
    with faulty_s3(s3_server) as proxy:
        yield proxy


@pytest.fixture
def proxy(module_proxy: FaultyS3, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """A proxy in front of the server, which the AWS settings name, and clients that wait for nothing long."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda self, context: 0.0)
    monkeypatch.setattr(s3_failures, "LONGEST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(s3_connection, "READ_SECONDS", 0.3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", module_proxy.url)
    module_proxy.requests.clear()
    module_proxy.injected.clear()
    yield module_proxy
    module_proxy.plan = Nothing()
    module_proxy.server_has_checksums = True


CLIENTS: list[Any] = []
"""A client for all tests in which it gets what it asks for in the end; making one is slow."""


@pytest.fixture(scope="module")
def bucket(s3_administrator: Any) -> str:
    s3_administrator.create_bucket(Bucket="faults-of-storage")
    return "faults-of-storage"


@pytest.fixture
def root(bucket: str) -> str:
    return f"s3://{bucket}/{uuid.uuid4().hex}"


@pytest.fixture
def store(proxy: FaultyS3, root: str) -> S3Store:
    """A store that has written before."""
    if not CLIENTS:
        CLIENTS.append(s3_client())
    return begun(S3Store(root, CLIENTS[0]))


@pytest.fixture
def own_store(proxy: FaultyS3, own_s3_client: None, root: str) -> S3Store:
    """The same with a client of its own: botocore gives up sooner after many failures."""
    return begun(S3Store(root))


def begun(store: S3Store) -> S3Store:
    store.write("there", CONTENT)
    assert store.write_if_absent("conditions-hold", b"")
    return store


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("local") / "small"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("local") / "large"
    path.write_bytes(b"\x01" * LARGE)
    return path


def calls(store: Store, local: Path, large: Path) -> dict[str, Callable[[], object]]:
    return {
        "read": lambda: store.read("there"),
        "write": lambda: store.write("new", CONTENT),
        "write_if_absent": lambda: store.write_if_absent("new", CONTENT),
        "fetch": lambda: store.fetch("there").read_bytes(),
        "fetch, its size": lambda: store.fetch("there").read_bytes(),
        "exists": lambda: store.exists("there"),
        "keys": lambda: store.keys(""),
        "upload": lambda: store.upload(local, "new"),
        "upload, begin": lambda: store.upload(large, "new"),
        "upload, part": lambda: store.upload(large, "new"),
        "upload, end": lambda: store.upload(large, "new"),
    }


@pytest.mark.parametrize(("use", "operation", "fault"), SURVIVED, ids=lambda value: getattr(value, "value", value))
def test_one_fault_is_survived_in_place(
    use: str, operation: str, fault: Fault, store: Store, proxy: FaultyS3, local: Path, large: Path
) -> None:
    proxy.plan = Scripted({operation: [fault]})
    result = calls(store, local, large)[use]()
    assert proxy.injected[operation, fault] == 1
    if use in ("read", "fetch", "fetch, its size"):
        assert result == CONTENT
    elif use == "keys":
        assert result == ["conditions-hold", "there"]
    elif use in ("exists", "write_if_absent"):
        assert result is True
    if use in ("write", "write_if_absent", "upload"):
        assert store.read("new") == CONTENT
    elif use.startswith("upload"):
        assert store.fetch("new").stat().st_size == LARGE


@pytest.mark.parametrize("use", [use for use in USES if use != "upload, end"])
def test_a_server_that_never_answers_is_told_with_the_object_and_the_remedy(
    use: str, own_store: Store, proxy: FaultyS3, local: Path, large: Path
) -> None:
    operation = USES[use]
    proxy.plan = Scripted({operation: [Fault.RESET_BEFORE] * 100})
    with pytest.raises(TransientError, match=f"s3://{split_s3_uri(own_store.root)[0]}/.*run again"):
        calls(own_store, local, large)[use]()
    assert proxy.injected[operation, Fault.RESET_BEFORE] <= s3_connection.ATTEMPTS * s3_failures.WHOLE_TRIES


@pytest.mark.parametrize("use", ["read", "fetch"])
@pytest.mark.parametrize("fault", [Fault.TORN_ANSWER, Fault.DAMAGED_ANSWER], ids=lambda fault: fault.value)
def test_answers_that_are_always_torn(
    use: str, fault: Fault, own_store: Store, proxy: FaultyS3, local: Path, large: Path
) -> None:
    proxy.plan = Scripted({"GetObject": [fault] * 100})
    with pytest.raises(TransientError, match=r"S3 failed on s3://.*/there, again and again: .*network"):
        calls(own_store, local, large)[use]()
    assert s3_failures.WHOLE_TRIES <= proxy.injected["GetObject", fault] < 100


def test_writes_that_are_always_damaged(own_store: Store, proxy: FaultyS3) -> None:
    proxy.plan = Scripted({"PutObject": [Fault.DAMAGED_REQUEST] * 100})
    with pytest.raises(TransientError, match=r"XAmzContentSHA256Mismatch.*Run the same command again"):
        own_store.write("new", CONTENT)
    proxy.plan = Scripted({})
    assert not own_store.exists("new")


@pytest.mark.parametrize("first", [True, False], ids=["a store's first", "a later one"])
@pytest.mark.parametrize("lost", [1, 4])
def test_a_lost_answer_to_a_conditional_write_is_no_lost_race(
    first: bool, lost: int, store: Store, proxy: FaultyS3
) -> None:
    store = S3Store(store.root, CLIENTS[0]) if first else store
    proxy.plan = Scripted({"PutObject if absent": [Fault.LOST_ANSWER] * lost})
    assert store.write_if_absent("commit.json", b"mine")
    assert proxy.injected["PutObject if absent", Fault.LOST_ANSWER] == lost
    assert not store.write_if_absent("commit.json", b"mine")


def test_a_lost_answer_does_not_make_another_writer_a_loser(store: Store, proxy: FaultyS3) -> None:
    assert S3Store(store.root, CLIENTS[0]).write_if_absent("commit.json", b"the same bytes")
    proxy.plan = Scripted({"PutObject if absent": [Fault.LOST_ANSWER, Fault.ERROR_503]})
    assert not store.write_if_absent("commit.json", b"the same bytes")


def test_a_conditional_write_that_nobody_answers_may_be_repeated(own_store: Store, proxy: FaultyS3) -> None:
    proxy.plan = Scripted({"PutObject if absent": [Fault.LOST_ANSWER] * s3_connection.ATTEMPTS})
    with pytest.raises(TransientError):
        own_store.write_if_absent("commit.json", b"mine")
    assert not own_store.write_if_absent("commit.json", b"mine")
    assert own_store.read("commit.json") == b"mine"


def test_a_repeated_first_write_does_not_accuse_the_server_of_ignoring_conditions(
    root: str, store: Store, proxy: FaultyS3
) -> None:
    proxy.plan = Scripted({"PutObject if absent": [Fault.LOST_ANSWER, None, Fault.ERROR_500]})
    store = S3Store(root, CLIENTS[0])
    assert store.write_if_absent("commit.json", b"mine")
    assert store.write_if_absent("another", b"mine")


def test_an_upload_in_parts_that_fails_is_not_visible_and_leaves_no_parts(
    own_store: Store, proxy: FaultyS3, large: Path, s3_administrator: Any
) -> None:
    proxy.plan = Scripted({"UploadPart": [Fault.RESET_WITHIN] * 100})
    with pytest.raises(TransientError):
        own_store.upload(large, "new")
    assert own_store.keys("new") == []
    bucket, prefix = split_s3_uri(own_store.root)
    assert s3_administrator.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", []) == []


@pytest.mark.parametrize("code", ["NoSuchUpload", "InvalidPart"])
def test_an_upload_whose_end_the_server_has_already_seen_is_made_again(code: str, local: Path) -> None:
    codes = [code, code, ""]

    class Client:
        def upload_file(self, *arguments: object) -> None:
            if said := codes.pop(0):
                try:
                    raise ClientError({"Error": {"Code": said}}, "CompleteMultipartUpload")
                except ClientError as error:
                    raise S3UploadFailedError("failed") from error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_failures, "LONGEST_PAUSE_SECONDS", 0)
        S3Store("s3://bucket", Client()).upload(local, "key")
    assert codes == []


def test_a_clock_that_is_wrong_is_told_with_its_remedy(store: Store, proxy: FaultyS3, local: Path, large: Path) -> None:
    proxy.plan = Scripted(
        {operation: [Fault.WRONG_CLOCK] * 100 for operation in POSSIBLE if operation != "AbortMultipartUpload"}
    )
    for call in calls(store, local, large).values():
        with pytest.raises(ConfigurationError, match="RequestTimeTooSkewed.*Set this machine's clock"):
            call()


@pytest.fixture
def plain_store(proxy: FaultyS3, root: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """On a server without checksums."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    proxy.server_has_checksums = False
    return S3Store(root)


def test_a_server_without_checksums(plain_store: Store, local: Path, large: Path) -> None:
    plain_store.write("there", CONTENT)
    for call in calls(plain_store, local, large).values():
        call()
    assert plain_store.read("there") == CONTENT


def test_a_server_without_checksums_leaves_damage_to_the_digests_of_readers(
    plain_store: Store, proxy: FaultyS3
) -> None:
    plain_store.write("there", CONTENT)
    proxy.plan = Scripted({"GetObject": [Fault.DAMAGED_ANSWER]})
    assert plain_store.read("there") != CONTENT
    assert plain_store.read("there") == CONTENT


def test_a_full_temporary_folder_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_client", type("Client", (), {"download_file": full})())
    with pytest.raises(TransientError, match=r"copy of s3://.*/there in .*No space left on device. .*TMPDIR"):
        store.fetch("there")


def test_the_time_that_a_silent_server_is_waited_for(aws_environment: None) -> None:
    """What the module says."""
    config = s3_client().meta.config
    attempts = config.retries["total_max_attempts"]
    pauses = (attempts - 1) * 20
    assert attempts * (config.connect_timeout + config.read_timeout) + pauses <= 7 * 60
