"""The image of the stages: its name, its tag, and whether nodes have it or can be expected to pull it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from labelcycle.pipelines.doctor.check_result import CheckResult, failed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import Json

_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?P<host>localhost|[A-Za-z0-9.-]*\.[A-Za-z0-9.-]*|[A-Za-z0-9-]+(?=:))(:[0-9]+)?")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
EXAMPLES = re.compile(r"(.*\.)?example\.(com|org|net)(:\d+)?")


@dataclass(frozen=True)
class Image:
    """An image's name in its parts; `registry`, `tag` and `digest` may be empty."""

    registry: str
    repository: str
    tag: str
    digest: str


def parse_image(text: str) -> Image | None:
    """The parts of a name such as `registry.example.com/team/image:1.2.3`; None where it is none."""
    rest, _, digest = text.partition("@")
    if "@" in text and not _DIGEST.fullmatch(digest):
        return None
    registry, slash, path = rest.partition("/")
    if not slash or not _HOST.fullmatch(registry):
        registry, path = "", rest
    path, colon, tag = path.partition(":")
    if (colon and not _TAG.fullmatch(tag)) or not all(_NAME.fullmatch(part) for part in path.split("/")):
        return None
    return Image(registry, path, tag, digest)


def check_image(name: str, on_nodes: set[str] | None, renew: str) -> Iterator[CheckResult]:
    """Whether an image can be expected to run, as far as its name says.

    Args:
        name: of the image.
        on_nodes: names of images that nodes have already; None where that could not be found out.
        renew: what changes the name.
    """
    image = parse_image(name)
    if image is None:
        yield failed("image", f"{name!r} is no name of an image", f"Write registry/name:tag. {renew}")
        return
    if not image.digest and image.tag in ("", "latest"):
        yield warned(
            "image",
            f"{name} may be another image tomorrow, also in the middle of a campaign",
            f"Name it by a version or a digest. {renew}",
        )
    there = on_nodes is not None and bool(on_nodes & _names_on_nodes(name, image))
    if EXAMPLES.fullmatch(image.registry) and not there:
        yield failed("image", f"{name} is in a registry of examples", f"Name your own registry. {renew}")
        return
    if not image.registry and not there:
        yield warned(
            "image",
            f"{name} has no registry, and no node is seen to have it"
            if on_nodes is not None
            else f"{name} has no registry",
            f"Push it to a registry that the nodes read, and name it so. {renew}",
        )
        return
    here = metadata.version("labelcycle")
    version = _VERSION.match(image.tag)
    if version is not None and version[0] != here:
        yield warned(
            "image", f"{name} is of {version[0]}, and this is labelcycle {here}", f"Bring both together. {renew}"
        )
        return
    yield passed(
        "image", f"{name}, which nodes have already" if there else f"{name}; only a pull will show that it is there"
    )


def images_on(nodes: list[Json]) -> set[str]:
    """Names of the images that nodes say they have; a node lists fifty at most."""
    return {
        name
        for node in nodes
        for image in (node.get("status") or {}).get("images") or []
        for name in image.get("names") or []
    }


def _names_on_nodes(name: str, image: Image) -> set[str]:
    """What a node may call it: without a registry, that of Docker, or the one of images that were loaded by hand."""
    if image.registry:
        return {name}
    folder = "" if "/" in image.repository else "library/"
    tail = name.removeprefix("docker.io/")
    return {name, f"docker.io/{folder}{tail}", f"localhost/{tail}"}
