"""Campaigns that are compared: begun alike but for what is compared, run side by side, each on a core of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelcycle.components.analysis.savings import Curve
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.storage import open_store


@dataclass(frozen=True)
class Arm:
    """A campaign.

    Attributes:
        name: what tables call it, and its folder.
        recipe: a name of `labelcycle recipes`.
        settings: laid over the recipe, as with --set.
        seed: of the campaign.
    """

    name: str
    recipe: str
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Bench:
    """What all arms share.

    Attributes:
        out: folder of the campaigns.
        begin: settings of all campaigns, as `labelcycle init` takes them.
        cores: campaigns that run at once.
    """

    out: Path
    begin: dict[str, Any]
    cores: int

    def root(self, arm: Arm) -> Path:
        """Where the arm's campaign is."""
        return self.out / f"{arm.name.replace(' ', '-')}-{arm.seed}"

    def run(self, arms: Sequence[Arm]) -> dict[tuple[str, int], State]:
        """Run all arms; their states by name and seed."""
        self.out.mkdir(parents=True, exist_ok=True)
        jobs = []
        for arm in arms:
            begin = {**self.begin, "recipe": arm.recipe, "overrides": arm.settings, "seed": arm.seed}
            jobs.append([str(self.root(arm)), "--begin", json.dumps(begin)])
        run_jobs(jobs, self.cores)
        return {(arm.name, arm.seed): read_state(open_store(str(self.root(arm)))) for arm in arms}


def run_jobs(jobs: Sequence[Sequence[str]], cores: int) -> None:
    """Run `tests.bench.methods.campaign` with each of these lists of arguments, several at once.

    Raises:
        SystemExit: one of them failed; its output is the message.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "tests.bench.methods.campaign", *arguments]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"{Path(arguments[0]).name}: {'done' if done.returncode == 0 else 'failed'}", file=sys.stderr, flush=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")

    with ThreadPoolExecutor(cores) as executor:
        list(executor.map(run, jobs))


def curve(state: State) -> Curve:
    """Labels and test accuracy of every cycle that trained a model to choose by."""
    pairs = [(cycle.labels, cycle.accuracy) for cycle in state.trained if cycle.accuracy is not None]
    return Curve([labels for labels, _ in pairs], [accuracy for _, accuracy in pairs])
