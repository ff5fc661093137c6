"""One real campaign, begun and run by the commands that a user types."""

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.logging.failures import TRY_AGAIN
from labelcycle.components.core.storage import open_store


@dataclass(frozen=True)
class Finished:
    """Where a campaign has got to: labels, accuracy, and the report of its last cycle."""

    labels: int
    accuracy: float
    report: str


class CampaignFailed(LabelcycleError):
    """A process of a campaign ended with an error, which it has reported.

    The exit code is the process's own; that of one which was killed says that another try may pass.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code if exit_code > 0 else TRY_AGAIN


def run_campaign(root: Path, embeddings: Path, budget: int, batch: int, database: Path) -> Finished:
    """`labelcycle init` and `labelcycle run`, with their own output; goes on where an earlier run was stopped.

    Args:
        root: the campaign's folder.
        embeddings: features with labels, which play the annotator.
        budget: labels in all.
        batch: labels a cycle.
        database: MLflow's SQLite file.

    Raises:
        CampaignFailed: one of the commands failed.

    Cost: one or two processor seconds a cycle, and five for the first, most of it what is imported.
    """
    size = ["--budget", str(budget), "--batch", str(batch)]
    for arguments in (["init", str(root), "--embeddings", str(embeddings), *size], ["run", str(root)]):
        print(f"$ labelcycle {shlex.join(arguments)}", flush=True)
        code = subprocess.run(
            [sys.executable, "-m", "labelcycle.pipelines.cli.main", *arguments],
            env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"},
        ).returncode
        if code:
            raise CampaignFailed(f"`labelcycle {arguments[0]}` ended with exit code {code}; why stands above.", code)
    state = read_state(open_store(str(root)))
    last = state.measured[-1]
    assert last.accuracy is not None
    return Finished(last.labels, last.accuracy, open_store(str(root)).locate(state.commits[-1].objects["report"].key))
