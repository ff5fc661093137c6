"""Run one cycle of a campaign through kfp.local's DockerRunner: `python -m tests.containers.run_cycle < work.json`.

A process of its own, because KFP's local engine and the image of the components are settings of the process.
"""

import json
import os
import sys
from pathlib import Path

from docker.types import Mount
from kfp import local

from labelcycle.pipelines.cycle import cycle

RESTRICTED = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "network_mode": "none",
}
"""What the strictest rules of a cluster leave, and no network: the campaign is in a folder."""


def run_cycle(root: str, user: str, mounts: dict[str, bool], scratch: Path) -> None:
    """Run the pipeline once; each task is a container of `user` that sees the mounts (whether only for reading)."""
    # The containers' user writes what KFP's engine, which is another user, makes folders for.
    os.umask(0)
    outputs, workspace = scratch / "outputs", scratch / "workspace"
    for folder in (outputs, workspace):
        folder.mkdir(parents=True)
    local.init(
        runner=local.DockerRunner(
            user=user,
            mounts=[Mount(path, path, type="bind", read_only=read_only) for path, read_only in mounts.items()],
            **RESTRICTED,
        ),
        pipeline_root=str(outputs),
        workspace_root=str(workspace),
        raise_on_error=True,
    )
    cycle(root=root)


if __name__ == "__main__":
    work = json.load(sys.stdin)
    run_cycle(work["root"], work["user"], work["mounts"], Path(work["scratch"]))
