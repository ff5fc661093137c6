"""`python -m tests.cluster.stop`: end the cluster that `make test-cluster KEEP=1` has left."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.cache import alone, cache_folder
from tests.cluster.namespaces import Namespaces, alive

KEPT = "kept.json"


def stop_kept(cache: Path) -> bool:
    """End the cluster that was kept, and remove what it leaves but its images and logs; whether there was one."""
    record = cache / KEPT
    if not record.exists():
        return False
    namespaces = Namespaces(**json.loads(record.read_text()))
    if is_ours(namespaces):
        namespaces.end()
    cgroups.remove()
    for path in (cache / "node").iterdir():
        if path.name != "logs":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    record.unlink()
    return True


def record_kept(cache: Path, namespaces: Namespaces) -> None:
    """Remember a cluster that stays, for `stop_kept`."""
    (cache / KEPT).write_text(json.dumps(asdict(namespaces)))


def is_ours(namespaces: Namespaces) -> bool:
    """Whether the recorded process still is the first one of the namespaces: numbers are given out again."""
    if not alive(namespaces.first):
        return False
    return Path(f"/proc/{namespaces.first}/cmdline").read_bytes().split(b"\0")[0].endswith(b"/pause")


if __name__ == "__main__":
    folder = cache_folder()
    with alone(folder):
        print("ended" if stop_kept(folder) else f"no cluster was kept under {folder}")
