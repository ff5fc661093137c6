"""The cgroup that all pods of the node are in, in each hierarchy of this machine."""

from pathlib import Path

from tests.cluster.namespaces import await_that

NAME = "labelcycle-test"


def hierarchies() -> list[Path]:
    """The hierarchies of this machine: the one of version 2, or several of version 1, and an empty one of 2."""
    mounted = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted({Path(words[1]).resolve() for words in mounted if words[2] in ("cgroup", "cgroup2")})


def make() -> None:
    """Make the cgroup, empty, and let it have what the machine has."""
    remove()
    for hierarchy in hierarchies():
        folder = hierarchy / NAME
        folder.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):  # of version 1, which begins without any
            if (hierarchy / name).exists() and (folder / name).exists():
                (folder / name).write_text((hierarchy / name).read_text())


def remove() -> None:
    """Remove the cgroup with all in it; the processes of it have ended before."""
    for folder in (hierarchy / NAME for hierarchy in hierarchies()):
        if folder.exists():
            for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
                remove_empty(inner)
            remove_empty(folder)


def remove_empty(folder: Path) -> None:
    """Remove one cgroup once the kernel has let go of the processes in it."""

    def removed() -> bool:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    await_that(removed, f"no process is in {folder}")
