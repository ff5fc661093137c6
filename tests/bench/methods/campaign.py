"""One campaign from beginning to end in a process of its own, stage after stage, without an engine around it.

A campaign that was begun continues where it stopped, so that a bench which was stopped can be started again.
"""

import argparse
import importlib
import json
from typing import Any

COLD_START = (("embed", {"target": "base"}), ("select", {}), ("publish", {}))
TRAINING = (
    ("embed", {"target": "base"}),
    ("train_adapter", {}),
    ("embed", {"target": "tuned"}),
    ("evaluate", {}),
    ("score", {}),
    ("select", {}),
    ("publish", {}),
)


def run_campaign(root: str, cycles: int | None, finalize: bool) -> None:
    """Run cycles until the campaign is done or as many cycles are committed, then train the final model if asked to.

    Args:
        root: a campaign that was begun.
        cycles: committed cycles to stop after, the cold start among them; None for all.
        finalize: train the final model at the end.
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.storage import open_store

    while cycles is None or len(read_state(open_store(root)).commits) < cycles:
        if not _run_cycle(root):
            break
    if finalize:
        _run_cycle(root, finalize=True)


def _run_cycle(root: str, **how: Any) -> bool:
    following = _stage("label_ingest")(root, **how)
    if following.decision in ("wait", "done"):
        return False
    stages = COLD_START if following.decision == "cold_start" else TRAINING
    for stage, settings in stages:
        _stage(stage)(root=root, cycle=following.cycle, attempt=following.attempt, **settings)
    return True


def _stage(name: str) -> Any:
    return importlib.import_module(f"labelcycle.components.{name}.stage").run


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("--begin", help="JSON of the campaign's settings")
    parser.add_argument("--cycles", type=int)
    parser.add_argument("--finalize", action="store_true")
    given = parser.parse_args()
    if given.begin:
        from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

        begin_campaign(given.root, CampaignSettings(**json.loads(given.begin)))
    run_campaign(given.root, given.cycles, given.finalize)
