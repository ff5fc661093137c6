"""What this machine must have for the test cluster, and why it cannot run where it has not."""

import os
import shutil
from pathlib import Path

PACKAGES = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
"""Programs, and Debian's packages that have them."""

SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/go/bin", "/usr/sbin", "/sbin"))
GO_AT_LEAST = (1, 25)
GIGABYTES_FIRST, GIGABYTES_LATER, GIGABYTES_FOR_AN_IMAGE = 36, 8, 24
"""Free disk that the first run needs at its peak, a run that finds binaries and image made, one that makes an image."""


def program(name: str) -> str:
    """The path of a program that `obstacle` found.

    Raises:
        AssertionError: it is not there.
    """
    found = shutil.which(name, path=SYSTEM_PATH)
    assert found is not None, f"{name} is not there"
    return found


def obstacle() -> str | None:
    """Why there can be no cluster here and how that is mended; None where there can be one."""
    if not Path("/etc/debian_version").exists():
        return "needs Debian, with its packages of etcd, containerd and buildah"
    if os.geteuid() != 0:
        return "needs root, for namespaces, mounts and cgroups"
    missing = sorted({package for name, package in PACKAGES.items() if not shutil.which(name, path=SYSTEM_PATH)})
    if missing:
        return f"needs more of Debian: apt-get install --no-install-recommends {' '.join(missing)}"
    if not shutil.which("go", path=SYSTEM_PATH):
        return f"needs Go {'.'.join(map(str, GO_AT_LEAST))} or later, to build Kubernetes and Argo"
    return None


def disk_obstacle(folder: Path, gigabytes: int) -> str | None:
    """Why the disk under a folder has too little room; None where it has enough."""
    free = shutil.disk_usage(folder).free / 1e9
    if free >= gigabytes:
        return None
    return (
        f"needs {gigabytes} GB of free disk under {folder}, and there are {free:.0f}: make room, or name another "
        "folder in LABELCYCLE_CACHE"
    )
