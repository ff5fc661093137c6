"""labelcycle's image for processors, built from a checkout, layer by layer out of what the last build left."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.cluster.cache import digest_of
from tests.cluster.programs import SYSTEM_PATH, program
from tests.cluster.progress import step
from tests.containers.base_image import make_archive
from tests.containers.wheels import fetched

ROOT = Path(__file__).parents[2]
SOURCES = ("components", "manifests", "pipelines", "src")
REPOSITORY = "registry.example.com/labelcycle-python"
BASE = "localhost/labelcycle-test-base:bookworm"


def image_name(root: Path = ROOT) -> str:
    """The name of the image of a checkout: its tag changes with everything that goes into it."""
    files = [
        file for folder in SOURCES for file in (root / folder).rglob("*") if file.is_file() and is_sent(file, root)
    ]
    files += [root / name for name in ("pyproject.toml", "README.md", "LICENSE", ".dockerignore")]
    files += [file for file in (root / "images").iterdir() if file.is_file()]
    return f"{REPOSITORY}:{digest_of(files, *(str(file.relative_to(root)) for file in sorted(files)))}"


def is_sent(file: Path, root: Path) -> bool:
    """Whether .dockerignore lets a file into the build, and the build packs it: pages about pipelines stay behind."""
    parts = file.relative_to(root).parts
    if parts[0] == "pipelines" and file.suffix == ".md":
        return False
    return not any(part == "__pycache__" or part.startswith(".") or part.endswith(".egg-info") for part in parts)


def build_image(cache: Path, name: str, archive: Path, root: Path = ROOT) -> None:
    """Build the image and write it as an OCI archive.

    Args:
        cache: where the base image, the packages and the layers are kept, some 12 GB.
        name: what the image is called in the archive.
        archive: the file to write, some 5 GB.
        root: the checkout to build from.
    """
    base, wheels = cache / "base-bookworm.tar", cache / "wheels"
    if not base.exists():
        with step("make a base image with debootstrap, 2 minutes"):
            make_archive(base)
    with step("fetch the locked packages, 2 minutes the first time"):
        wheels = fetched(root / "images" / "requirements.lock", cache)
    if buildah(cache, "images", "--quiet", BASE, check=False).returncode != 0:
        with step("import the base image"):
            buildah(cache, "build", "--tag", BASE, f"--file={base_recipe(cache, base)}", str(base.parent))
    with step(f"build {name}, 15 minutes the first time"):
        # The wheels lie at a fixed place, because layers are found again by the arguments that they were built with.
        arguments = {"BASE_IMAGE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        options = ["--layers", "--isolation=chroot", "--network=host", f"--volume={wheels}:/wheels:ro", "--target=cpu"]
        buildah(
            cache, "build", *options, *given, f"--tag={name}", f"--file={root / 'images' / 'Containerfile'}", str(root)
        )
    with step(f"write {name} as an archive"):
        archive.unlink(missing_ok=True)
        buildah(cache, "push", "--disable-compression", name, f"oci-archive:{archive}:{name}")
    for other in buildah(cache, "images", "--format={{.Name}}:{{.Tag}}", REPOSITORY, check=False).stdout.split():
        if other != name:
            buildah(cache, "rmi", other, check=False)


def base_recipe(cache: Path, base: Path) -> Path:
    """A file for the build that turns the archive into an image."""
    recipe = cache / "base.Containerfile"
    recipe.write_text(f"FROM scratch\nADD {base.name} /\n")
    return recipe


def buildah(cache: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run buildah with storage of its own in the cache.

    Raises:
        AssertionError: it failed, unless `check` is False; what it printed is in the message.
    """
    storage = [f"--root={cache / 'buildah'}", f"--runroot={cache / 'buildah-run'}", "--storage-driver=overlay"]
    # Its mounts are of its own and end with it, however it ends.
    own_mounts = [program("unshare"), "--mount", "--propagation=private"]
    done = subprocess.run(
        [*own_mounts, program("buildah"), *storage, *arguments],
        env={**os.environ, "PATH": SYSTEM_PATH, "TMPDIR": str(temporary(cache))},
        capture_output=True,
        text=True,
    )
    if check:
        assert done.returncode == 0, f"buildah {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


def temporary(cache: Path) -> Path:
    """Where buildah keeps what it is working on: on the disk of the cache, because it is large."""
    folder = cache / "buildah-tmp"
    folder.mkdir(exist_ok=True)
    return folder


def forget_layers(cache: Path) -> None:
    """Remove all layers, for want of disk."""
    for folder in ("buildah", "buildah-run", "buildah-tmp"):
        shutil.rmtree(cache / folder, ignore_errors=True)
