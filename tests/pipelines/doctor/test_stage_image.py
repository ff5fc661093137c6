"""Names of images: their parts, and what is said about them."""

import pytest

from labelcycle.pipelines.doctor.stage_image import Image, check_image, images_on, parse_image

DIGEST = "sha256:" + 64 * "a"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("labelcycle-python:0.1.0", Image("", "labelcycle-python", "0.1.0", "")),
        ("team/labelcycle", Image("", "team/labelcycle", "", "")),
        ("registry.example.com/a/b:1", Image("registry.example.com", "a/b", "1", "")),
        ("localhost:5000/a:1", Image("localhost:5000", "a", "1", "")),
        ("localhost/a:1", Image("localhost", "a", "1", "")),
        (f"ghcr.io/a/b:1@{DIGEST}", Image("ghcr.io", "a/b", "1", DIGEST)),
        (f"ghcr.io/a/b@{DIGEST}", Image("ghcr.io", "a/b", "", DIGEST)),
    ],
)
def test_parts(text: str, image: Image) -> None:
    assert parse_image(text) == image


@pytest.mark.parametrize(
    "text", ["", "Upper/case:1", "a:", "a:ta g", "a@sha256:12", "a//b", "https://a.b/c:1", "-a:1", "a:b:c"]
)
def test_no_names(text: str) -> None:
    assert parse_image(text) is None
    (finding,) = check_image(text, None, "")
    assert finding.status == "fail"


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("ghcr.io/a/labelcycle:0.1.0", ["pass"]),
        ("ghcr.io/a/labelcycle:our-build", ["pass"]),
        ("ghcr.io/a/labelcycle:latest", ["warn", "pass"]),
        ("ghcr.io/a/labelcycle", ["warn", "pass"]),
        ("ghcr.io/a/labelcycle:0.0.9", ["warn"]),
        ("ghcr.io/a/labelcycle:0.1.0-cuda", ["pass"]),
        ("registry.example.com/labelcycle:0.1.0", ["fail"]),
        ("labelcycle-python:0.1.0", ["warn"]),
    ],
)
def test_what_is_said(name: str, statuses: list[str]) -> None:
    assert [finding.status for finding in check_image(name, set(), "")] == statuses


def test_an_image_of_a_registry_of_examples_that_nodes_have() -> None:
    name = "registry.example.com/labelcycle-python:0.1.0"
    (finding,) = check_image(name, {name}, "")
    assert finding.status == "pass" and "already" in finding.seen


@pytest.mark.parametrize("there", ["docker.io/library/labelcycle-python:0.1.0", "localhost/labelcycle-python:0.1.0"])
def test_an_image_that_was_loaded_into_the_nodes(there: str) -> None:
    names = images_on([{"status": {"images": [{"names": [there]}]}}, {}])
    (finding,) = check_image("labelcycle-python:0.1.0", names, "")
    assert finding.status == "pass" and "already" in finding.seen
