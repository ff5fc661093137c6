"""`labelcycle status --watch`: what changes is shown, trouble is survived, Ctrl-C ends it."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.dashboard import watching
from labelcycle.pipelines.dashboard.watching import Watched, watch_campaign
from tests.installed_command import COMMAND
from tests.warm_start import warm_python

SECONDS = 60


class FailingStore:
    """A store that fails while it is told to, and counts what is read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.failing = False
        self.read_keys: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if self.failing and name in ("read", "exists", "keys"):
            raise TransientError("Cannot reach the store. Run again.")
        return getattr(self._store, name)

    def read(self, key: str) -> bytes:
        self.read_keys.append(key)
        return self.__getattr__("read")(key)  # type: ignore[no-any-return]


def between_looks(monkeypatch: pytest.MonkeyPatch, *happenings: Callable[[], object]) -> None:
    """Let these happen, one after each look, and then Ctrl-C."""
    left = iter(happenings)

    def sleep(seconds: float) -> None:
        happening = next(left, None)
        if happening is None:
            raise KeyboardInterrupt
        happening()

    monkeypatch.setattr(watching.time, "sleep", sleep)


def nothing() -> None:
    """Nothing happens."""


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """A function: root, flags and output → `labelcycle status --watch` as a process; all are ended after the test."""
    processes: list[subprocess.Popen[str]] = []

    def started(root: str, *flags: str, stdout: int = subprocess.PIPE, **environment: str) -> Any:
        command = [warm_python(), COMMAND, "status", root, "--watch", "--every", "0.1", *flags]
        process = subprocess.Popen(
            command,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
            # What starts the tests may ignore Ctrl-C, as shells do for work in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def test_a_line_of_json_for_each_change(labelled_by_people: Any, start: Callable[..., Any]) -> None:
    process = start(labelled_by_people.root, "--json")
    first = json.loads(process.stdout.readline())
    assert (first["state"], len(first["cycles"]), first["labelling"]["answered"]) == ("labelling", 2, 0)
    labelled_by_people.fill_in(3, "cat")
    assert json.loads(process.stdout.readline())["labelling"]["answered"] == 3
    labelled_by_people.cycle(30, 0.7, 0)
    last = json.loads(process.stdout.readline())
    while last["state"] != "done":
        last = json.loads(process.stdout.readline())
    assert [cycle["accuracy"] for cycle in last["cycles"]] == [0.5, 0.6, 0.7]
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0
    assert process.stdout.read() == "" and process.stderr.read() == ""


def test_on_a_terminal_the_screen_is_drawn_anew(labelled_by_people: Any, start: Callable[..., Any]) -> None:
    ours, its = pty.openpty()
    process = start(labelled_by_people.root, stdout=its, TERM="xterm", COLUMNS="60", LINES="50")
    os.close(its)
    seen = ""

    def see(words: str) -> None:
        nonlocal seen
        while words not in seen:
            seen += os.read(ours, 65536).decode(errors="replace")

    see("0 of 10 samples of the query are answered.")
    labelled_by_people.fill_in(3, "cat")
    see("3 of 10 samples of the query are answered.")
    labelled_by_people.cycle(30, 0.7, 0)
    see("done: the budget of 30 labels is spent")
    assert "Ctrl-C ends" in seen
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0
    os.close(ours)
    assert process.stderr.read() == ""


def test_nothing_is_read_anew_where_nothing_is_new(labelled_by_people: Any) -> None:
    store = FailingStore(labelled_by_people.store)
    watched = Watched(store, labelled_by_people.root)  # type: ignore[arg-type]
    watched.look()
    assert "campaign.json" in store.read_keys
    store.read_keys.clear()
    watched.look()
    summaries = [key for key in store.read_keys if key == "campaign.json" or key.endswith("summary.json")]
    assert summaries == []
    labelled_by_people.cycle(30, 0.7, 0)
    assert watched.look().status.state.phase == "done"


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_a_store_that_fails_for_a_while(
    labelled_by_people: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    store = FailingStore(labelled_by_people.store)

    def fail() -> None:
        store.failing = True

    def recover() -> None:
        store.failing = False
        labelled_by_people.cycle(30, 0.7, 0)

    between_looks(monkeypatch, nothing, fail, nothing, recover, nothing)
    watch_campaign(store, labelled_by_people.root, 0.1, as_json)  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert printed.err == "note: Cannot reach the store. Run again.\n"
    shown = printed.out.splitlines()
    if as_json:
        assert [json.loads(line)["state"] for line in shown] == ["labelling", "done"]
    else:
        assert len([line for line in shown if line.startswith("next: ")]) == 2


def test_a_store_that_fails_at_first(
    labelled_by_people: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FailingStore(labelled_by_people.store)
    store.failing = True
    between_looks(monkeypatch, nothing, lambda: setattr(store, "failing", False))
    watch_campaign(store, labelled_by_people.root, 0.1, True)  # type: ignore[arg-type]
    assert json.loads(capsys.readouterr().out)["state"] == "labelling"


def test_trouble_is_shown_on_a_terminal(labelled_by_people: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    ours, its = pty.openpty()
    process = start(
        "s3://bucket/campaign",
        stdout=its,
        TERM="xterm",
        COLUMNS="200",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_MAX_ATTEMPTS="1",
    )
    os.close(its)
    seen = ""
    while "Trying again." not in seen:
        seen += os.read(ours, 65536).decode(errors="replace")
    assert "Cannot reach S3" in seen
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0
    os.close(ours)


def test_no_campaign_is_no_trouble_that_passes(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign at"):
        watch_campaign(open_store(str(tmp_path)), str(tmp_path), 0.1, True)


def test_a_reader_that_has_enough(labelled_by_people: Any, start: Callable[..., Any]) -> None:
    process = start(labelled_by_people.root, "--json")
    process.stdout.readline()
    process.stdout.close()
    labelled_by_people.fill_in(3, "cat")
    assert process.wait(SECONDS) == 0
    assert process.stderr.read() == ""
