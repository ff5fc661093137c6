"""Logs in JSON of real processes: each line of standard error can be read, and says what it is about."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.logging.events import FIELDS
from tests.installed_command import COMMAND

pytestmark = pytest.mark.system

NOISY = """
import os, sys
if "stage" in sys.argv or "labelcycle.pipelines.local.stage_process" in sys.orig_argv:
    import logging, threading, warnings
    from labelcycle.components.core.campaign import attempt
    quiet = attempt.open_attempt

    def noisy(*arguments):
        warnings.warn("a warning")
        logging.getLogger("library").error("an error, said %s", os.environ["PLANTED_TOKEN"])
        print("printed", file=sys.stderr)
        os.write(2, b"from C\\n")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        return quiet(*arguments)

    attempt.open_attempt = noisy
"""
"""Read by every Python process at its start: stages make noise of all kinds when they open their attempt."""

NOISE = [
    ("warning", "UserWarning: a warning"),
    ("log", "an error, said ***"),
    ("output", "printed"),
    ("output", "from C"),
    ("crash", "ZeroDivisionError: division by zero"),
]
SECRET = "0123-planted-4567"


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., tuple[int, str, list[dict[str, Any]]]]:
    """A function that runs `labelcycle`, noisy and logging in JSON: its exit code, its output, and its lines."""
    (tmp_path / "noisy").mkdir()
    (tmp_path / "noisy" / "sitecustomize.py").write_text(NOISY)
    foreign = ("MLFLOW_", "KFP_", "LABELCYCLE_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own |= {"PYTHONPATH": str(tmp_path / "noisy"), "PLANTED_TOKEN": SECRET, "LABELCYCLE_LOG": "json"}
    own |= {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}

    def run(*words: str) -> tuple[int, str, list[dict[str, Any]]]:
        answer = subprocess.run(
            [COMMAND, *words], env=own, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert SECRET not in answer.stderr
        lines = [json.loads(line) for line in answer.stderr.splitlines()]
        assert all({"time", "level", "event", "message", *FIELDS} <= set(line) for line in lines)
        return answer.returncode, answer.stdout, lines

    return run


def noise_in(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The lines of noise, without what differs from place to place."""
    told = [(line["event"], line["message"]) for line in lines]
    return [noise for noise in NOISE if any(event == noise[0] and noise[1] in message for event, message in told)]


def test_each_line_of_a_stage_says_what_it_is_about(begin: Callable[..., Any], command: Callable[..., Any]) -> None:
    campaign = begin()
    identifier = campaign.state.campaign.identifier
    root = ["--root", campaign.root]
    code, facts, lines = command("stage", "label_ingest", *root)
    attempt = json.loads(facts)["attempt"]
    assert code == 0 and lines[-1]["attempt"] == attempt
    for stage, more in {"label_ingest": None, "embed": ["--target", "base"], "select": [], "publish": []}.items():
        if more is not None:
            code, _, lines = command("stage", stage, *root, "--cycle", "0", "--attempt", attempt, *more)
            assert noise_in(lines) == NOISE
            assert {line["attempt"] for line in lines} == {attempt}
        assert code == 0
        assert {(line["campaign"], line["cycle"], line["stage"]) for line in lines} == {(identifier, 0, stage)}
        events = [line["event"] for line in lines]
        assert events[:2] == ["command_started", "started"] and events[-1] == "command_ended"
        finished = next(line for line in lines if line["event"] == "finished")
        assert {"seconds", "cpu_seconds", "rows", "peak_memory_bytes", "bytes_read", "bytes_written"} < set(finished)
    assert campaign.state.phase == "labelling"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp", "ignore::FutureWarning:kfp")
def test_a_run_tells_what_its_stages_tell(begin_on_images: Callable[..., Any], command: Callable[..., Any]) -> None:
    """The cold start, and then people are awaited; MLflow is not there, which is no more than a notice."""
    campaign = begin_on_images(labels_from=None, classes=["blue", "green", "red"], recipe="random")
    code, output, lines = command("run", campaign.root)
    assert code == lines[-1]["exit_code"] == 3 and output.startswith("cycle 0: cold start")
    assert {(line["command"], line["campaign"]) for line in lines} == {("run", campaign.state.campaign.identifier)}
    told = [(line["cycle"], line["stage"], line["target"]) for line in lines if line["event"] == "started"]
    assert told == [(0, "label_ingest", None), (0, "embed", "base"), (0, "select", None), (0, "publish", None)] + [
        (1, "label_ingest", None)
    ]
    for stage in ("embed", "select", "publish"):
        assert noise_in([line for line in lines if line["stage"] == stage]) == NOISE
    assert any(line["event"] == "notice" and "MLflow" in line["message"] for line in lines)
    times = [line["time"] for line in lines if line["event"] in ("started", "finished")]
    assert times == sorted(times)
