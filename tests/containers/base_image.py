"""A base image without a registry: Debian with Python 3.11, made by debootstrap and kept for the next time."""

import shutil
import subprocess
from pathlib import Path

from tests.containers.engine import SYSTEM_PATH, Engine

NAME = "labelcycle-test-base:bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"


def import_base_image(engine: Engine, cache: Path) -> str:
    """Import the base image into the engine; returns its name."""
    archive = cache / "base-bookworm.tar"
    if not archive.exists():
        make_archive(archive)
    engine.run("import", str(archive), NAME)
    return NAME


def make_archive(archive: Path) -> None:
    """Write the file system of a minimal Debian as a tar file. Needs root."""
    root = archive.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root))
    unfinished = archive.with_suffix(".unfinished")
    without = [f"--exclude=./var/{folder}" for folder in ("cache/apt/archives/*.deb", "lib/apt/lists/*")]
    run("tar", "--create", f"--file={unfinished}", *without, f"--directory={root}", ".")
    unfinished.rename(archive)
    shutil.rmtree(root)


def run(program: str, *arguments: str) -> None:
    """Run a program of the system.

    Raises:
        AssertionError: it failed; what it printed is in the message.
    """
    found = shutil.which(program, path=SYSTEM_PATH)
    assert found is not None
    done = subprocess.run([found, *arguments], env={"PATH": SYSTEM_PATH}, capture_output=True, text=True)
    assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
