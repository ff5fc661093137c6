"""Which places images may come from."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.allowed_sources import VARIABLE, RefusedImage, allowed_image, image_address

OTHER_SCHEMES = [
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://images.example.org/a.png",
    "HTTP://images.example.org/a.png",
    " http://images.example.org/a.png",
    "\thttp://images.example.org/a.png",
    "ftp://host/a.png",
    "gopher://host/_GET",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "file:/etc/passwd",
    "FILE:///etc/passwd",
    "S3://bucket/a.png",
    "gs://bucket/a.png",
    "dict://host:11211/stats",
    "jar:http://host/a!/b",
    "hdfs://host/a.png",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder `images` with a picture, and one outside."""
    for name in ("images/a.png", "images-2/a.png", "elsewhere/a.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"image")
    return tmp_path


@pytest.mark.parametrize("uri", OTHER_SCHEMES)
def test_other_schemes_are_refused_by_name(uri: str) -> None:
    scheme = uri.strip().partition(":")[0]
    with pytest.raises(
        RefusedImage, match=f"{scheme}: is never fetched, only files and s3:// are read. Copy the image"
    ):
        allowed_image(uri)


@pytest.mark.parametrize("uri", ["file://host/etc/passwd", "file://127.0.0.1/a", "file://localhost.evil/a", "file://a"])
def test_files_of_other_hosts_are_refused(uri: str) -> None:
    with pytest.raises(RefusedImage, match="is a file of another host, and no host is asked for images"):
        allowed_image(uri)


def test_messages_keep_secrets_and_long_addresses_to_themselves() -> None:
    with pytest.raises(RefusedImage) as caught:
        allowed_image("https://user:password@host/a.png?X-Amz-Signature=secret")
    assert "password" not in str(caught.value) and "secret" not in str(caught.value)
    with pytest.raises(RefusedImage) as caught:
        allowed_image("data:image/png;base64," + "A" * 100_000)
    assert len(str(caught.value)) < 500


def test_one_form_for_each_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert image_address("/data/a b.png") == "/data/a b.png"
    assert image_address("file:///data/a%20b.png") == image_address("file://localhost/data/a b.png") == "/data/a b.png"
    assert image_address("a.png") == f"{tmp_path}/a.png"
    assert image_address("./a:b.png") == f"{tmp_path}/a:b.png"
    assert image_address("/data/100%25.png") == "/data/100%25.png"
    assert image_address("s3://bucket/a%2e.png") == "s3://bucket/a%2e.png"
    assert image_address("s3://bucket//a.png") == "s3://bucket/a.png"


@pytest.mark.parametrize("uri", ["s3://bucket/images/../other/a.png", "s3://bucket/./a.png", "s3://bucket/.."])
def test_keys_that_servers_could_take_for_others(uri: str) -> None:
    with pytest.raises(RefusedImage, match=r"has a part \. or \.\."):
        allowed_image(uri)


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_all_files_and_buckets_are_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert allowed_image(f"{folder}/elsewhere/a.png") == f"{folder}/elsewhere/a.png"
    assert allowed_image("s3://any/key") == "s3://any/key"


def test_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{folder}/images/, s3://bucket/prefix")
    for uri in (f"{folder}/images/a.png", f"{folder}/images", f"{folder}/elsewhere/../images/a.png"):
        assert allowed_image(uri).startswith(f"{folder}/images")
    for uri in (
        f"{folder}/images-2/a.png",
        f"{folder}/elsewhere/a.png",
        f"{folder}/images/../elsewhere/a.png",
        f"file://{folder}/images/%2e%2e/elsewhere/a.png",
        f"{folder}/IMAGES/a.png",
        f"{folder}",
        "/",
        "/proc/self/environ",
        "/dev/stdin",
    ):
        with pytest.raises(RefusedImage, match=f"not from an allowed source. Add its folder or prefix to {VARIABLE}"):
            allowed_image(uri)


def test_links_are_resolved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{folder}/images")
    (folder / "images" / "file.png").symlink_to(folder / "elsewhere" / "a.png")
    (folder / "images" / "folder").symlink_to(folder / "elsewhere")
    (folder / "images" / "inside.png").symlink_to("a.png")
    (folder / "door").symlink_to(folder / "images")
    for name in ("images/file.png", "images/folder/a.png"):
        with pytest.raises(RefusedImage, match="which leads to .*elsewhere/a.png"):
            allowed_image(f"{folder}/{name}")
    for name in ("images/inside.png", "door/a.png"):
        assert allowed_image(f"{folder}/{name}") == f"{folder}/images/a.png"


def test_allowed_folders_may_be_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "door").symlink_to(folder / "images")
    monkeypatch.setenv(VARIABLE, f"{folder}/door")
    assert allowed_image(f"{folder}/door/a.png") == f"{folder}/images/a.png"


@pytest.mark.parametrize("place", ["s3://bucket/images", "s3://bucket/images/", "s3://bucket//images"])
def test_prefixes(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv(VARIABLE, place)
    for uri in ("s3://bucket/images/a.png", "s3://bucket/images", "s3://bucket//images/a.png"):
        assert allowed_image(uri).startswith("s3://bucket/images")
    for uri in (
        "s3://bucket",
        "s3://bucket/other/a.png",
        "s3://bucket/images-2/a.png",
        "s3://bucket/Images/a.png",
        "s3://bucket/%69mages/a.png",
        "s3://bucket/images%2Fa.png",
        "s3://bucket-evil/images/a.png",
        "s3://Bucket/images/a.png",
        "s3://bucket.evil.org/images/a.png",
        "s3://bucket@evil/images/a.png",
        "/bucket/images/a.png",
    ):
        with pytest.raises(RefusedImage, match="not from an allowed source"):
            allowed_image(uri)


def test_a_whole_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s3://bucket")
    assert allowed_image("s3://bucket/any/key") == "s3://bucket/any/key"
    with pytest.raises(RefusedImage):
        allowed_image("s3://bucket-evil/any/key")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (" , ", "names no source"),
        ("images", "neither an absolute folder nor s3://bucket/prefix"),
        ("/data,https://host/images", "names 'https://host/images'"),
        ("s3://", "names no bucket"),
        ("s3://bucket/../other", "names 's3://bucket/../other'"),
    ],
)
def test_places_that_mean_nothing_allow_nothing(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ConfigurationError, match=message) as caught:
        allowed_image("/data/a.png")
    assert VARIABLE in str(caught.value)
