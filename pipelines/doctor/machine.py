"""The machine that the local engine runs on: Python, packages, processors, memory, GPUs and disk."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, listed, passed, warned

GIB = 1024**3
ENOUGH_MEMORY = 4 * GIB
"""What the profile `small` asks for the stage that trains."""

ENOUGH_DISK = 2 * GIB
"""A backbone of 300 million parameters, its features of a hundred thousand images, and room for a cycle."""


def machine_checks(root: str) -> list[Check]:
    """What to look at on this machine.

    Args:
        root: of the campaign; the disk is looked at where it is a folder.
    """
    checks = [
        Check("machine", "python", check_python),
        Check("machine", "packages", check_packages),
        Check("machine", "torch", check_torch),
        Check("machine", "memory", check_memory),
    ]
    if "://" not in root:
        folder = Path(root or ".").expanduser().absolute()
        checks.append(Check("machine", "disk", lambda: check_disk(folder)))
    return checks


def check_python() -> Iterator[CheckResult]:
    """The version that the installed package asks for."""
    wanted = metadata.metadata("labelcycle")["Requires-Python"] or ""
    seen = f"Python {platform.python_version()} at {sys.executable}"
    if Requirement(f"python{wanted}").specifier.contains(platform.python_version(), prereleases=True):
        yield passed("python", seen)
    else:
        yield failed("python", f"{seen}, and labelcycle needs {wanted}", f"Install labelcycle in a Python {wanted}.")


def check_packages() -> Iterator[CheckResult]:
    """Everything that labelcycle needs, in the versions that it names."""
    wrong, right = [], 0
    for line in metadata.requires("labelcycle") or []:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if wanted.specifier.contains(there, prereleases=True):
            right += 1
        else:
            wrong.append(f"{wanted.name} is {there}, not {wanted.specifier}")
    version = metadata.version("labelcycle")
    if wrong:
        remedy = f"pip install labelcycle=={version} in this environment, which brings what it needs."
        yield failed("packages", listed(wrong), remedy)
    else:
        yield passed("packages", f"labelcycle {version} and the {right} packages that it names")


def check_torch() -> Iterator[CheckResult]:
    """Whether torch and torchvision fit together, which only importing them shows, and which GPUs torch sees."""
    try:
        import torch
        import torchvision  # noqa: F401 - its operators are registered by importing it
    except Exception as error:
        yield failed(
            "torch",
            f"cannot be imported: {type(error).__name__}: {error}",
            "Install torch and torchvision of one release, both with or both without CUDA.",
        )
        return
    number = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not number:
        yield passed("torch", f"{torch.__version__}, without a GPU, on {os.cpu_count()} processors")
        return
    sizes = [torch.cuda.get_device_properties(each) for each in range(number)]
    gpus = ", ".join(f"{each.name} with {each.total_memory / GIB:.0f} GiB" for each in sizes)
    yield passed("torch", f"{torch.__version__}, with {gpus}")


def check_memory() -> Iterator[CheckResult]:
    """What is free, on the machine or within the limit of this process's container."""
    free = free_memory()
    if free is None:
        yield passed("memory", "this system does not tell how much is free")
    elif free < ENOUGH_MEMORY:
        yield warned(
            "memory",
            f"{free / GIB:.1f} GiB are free",
            f"Have {ENOUGH_MEMORY // GIB} GiB free for training, or take a recipe whose backbone stays as it is.",
        )
    else:
        yield passed("memory", f"{free / GIB:.1f} GiB are free")


MEMORY = Path("/proc/meminfo")
LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Limit and use of a container's memory, as the two versions of Linux' control groups show them."""


def free_memory() -> int | None:
    """Bytes; None where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text(encoding="ascii").splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return None
    for limit, used in LIMITS:
        try:
            free = min(free, max(int(limit.read_text(encoding="ascii")) - int(used.read_text(encoding="ascii")), 0))
        except (OSError, ValueError):  # no such version of control groups, or no limit, which is the word `max`
            continue
    return free


def check_disk(folder: Path) -> Iterator[CheckResult]:
    """Room where the campaign is, or will be."""
    while not folder.is_dir():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < ENOUGH_DISK:
        yield warned(
            "disk",
            f"{free / GIB:.1f} GiB are free at {folder}",
            f"Free {ENOUGH_DISK // GIB} GiB, or choose another root: backbone and features are kept in it.",
        )
    else:
        yield passed("disk", f"{free / GIB:.1f} GiB are free at {folder}")
