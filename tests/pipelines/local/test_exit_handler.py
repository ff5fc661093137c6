"""The pipeline that tells of failures, as kfp.local runs it: its last task is run although another one failed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.pipelines.cycle import cycle_pipeline
from labelcycle.pipelines.local.kfp_engine import run_pipeline
from labelcycle.pipelines.local.outcome import StageError
from labelcycle.pipelines.local.watch import Watcher
from tests.components.notification.conftest import Receiver, receiver

__all__ = ["receiver"]


@pytest.mark.system
@pytest.mark.long
def test_people_are_told_of_a_cycle_that_fails_in_the_middle(
    begin: Callable[..., Any], receiver: Receiver, mlflow: Path
) -> None:
    campaign = begin(notify={"webhook": True})
    campaign.run_until("select")
    (Path(campaign.root) / campaign.work.key("results/select.json")).write_text("damaged")
    pipeline = cycle_pipeline(tells_of_failures=True)
    with pytest.raises(StageError, match="select.json is not the record of a stage"):
        run_pipeline(pipeline, {"root": campaign.root}, lambda events: Watcher(events, "cycle"))
    [(_, body)] = receiver.requests
    assert "cycle 0: failed: it was begun and is not committed" in json.loads(body)["text"]
