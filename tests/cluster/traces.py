"""What a node could leave on this machine, to be compared before and after."""

import subprocess
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.programs import program

PLACES = ("/run/containerd", "/run/netns", "/run/xtables.lock", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods")


def traces() -> dict[str, list[str]]:
    """Mounts, network links and namespaces, firewall rules, cgroups, processes in other namespaces, and folders."""
    namespaces = {path: network_of(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    elsewhere = [path for path, found in namespaces.items() if found not in ("", network_of(Path("/proc/self")))]
    rules = subprocess.run([program("iptables-save")], check=True, capture_output=True, text=True).stdout.splitlines()
    return {
        "mounts": sorted(Path("/proc/self/mounts").read_text().splitlines()),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "rules": [line for line in rules if line.startswith("-A")],
        "cgroups": [str(folder) for folder in map(own_cgroup, cgroups.hierarchies()) if folder.exists()],
        "processes": sorted(words_of(path) for path in elsewhere),
        "places": [place for place in PLACES if Path(place).exists()],
    }


def own_cgroup(hierarchy: Path) -> Path:
    return hierarchy / cgroups.NAME


def network_of(process: Path) -> str:
    """The network namespace of a process; empty if it has ended."""
    try:
        return str((process / "ns" / "net").readlink())
    except OSError:
        return ""


def words_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
