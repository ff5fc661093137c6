"""Everything that a process may write to standard error is a line of JSON, whoever writes it."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

BEGIN = """
import sys
early = sys.stderr
from labelcycle.components.core.logging.json_logs import write_json_logs
from labelcycle.components.core.logging.events import set_log_context
write_json_logs()
write_json_logs()
set_log_context(campaign="digits-7915ee41", cycle=3, stage="embed")
"""


def lines_of(script: str, code: int = 0) -> list[dict[str, Any]]:
    """The lines of a process that logs in JSON and then does what the script says; it ends with `code`."""
    environment = {name: value for name, value in os.environ.items() if name != "LABELCYCLE_EVENTS"}
    answer = subprocess.run(
        [sys.executable, "-W", "default", "-c", BEGIN + script],
        env={**environment, "LABELCYCLE_LOG": "json", "PLANTED_PASSWORD": "open-sesame"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == code, answer.stderr
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert all((line["campaign"], line["cycle"], line["stage"]) == ("digits-7915ee41", 3, "embed") for line in lines)
    assert "open-sesame" not in answer.stderr
    return lines


def test_whoever_writes() -> None:
    found = lines_of(
        """
import logging, os, subprocess, threading, warnings
print("printed\\nin two lines", file=sys.stderr)
print("kept from the beginning", file=early, flush=True)
warnings.warn("old")
logging.getLogger("library").warning("careful: %s", "open-sesame")
logging.getLogger("library").info("not asked for")
try:
    raise KeyError("inner")
except KeyError:
    logging.getLogger("library").exception("failed")
os.write(2, b"from C\\n")
subprocess.run(["sh", "-c", "echo from a child >&2"])
def broken(): raise ValueError("in a thread")
thread = threading.Thread(target=broken); thread.start(); thread.join()
class Bad:
    def __del__(self): raise RuntimeError("in a finalizer")
bad = Bad(); del bad
from tqdm import tqdm
for _ in tqdm(range(3), mininterval=0): pass
sys.stderr.write("never ended")
"""
    )
    told = {(line["event"], line["level"], line["message"].splitlines()[0]) for line in found}
    warned = {line for line in told if line[0] == "warning"}
    assert len(warned) == 1 and "UserWarning: old" in warned.pop()[2]
    finalizers = {line for line in told if line[2].endswith("RuntimeError('in a finalizer')")}
    assert len(finalizers) == 1
    assert {line for line in told if line[0] != "warning"} - finalizers == {
        ("output", "info", "printed"),
        ("output", "info", "in two lines"),
        ("output", "info", "kept from the beginning"),
        ("output", "info", "from C"),
        ("output", "info", "from a child"),
        ("output", "info", "never ended"),
        ("log", "warning", "careful: ***"),
        ("log", "error", "failed"),
        ("crash", "critical", "ValueError: in a thread"),
    }
    assert next(line for line in found if line["message"] == "failed")["traceback"].endswith("KeyError: 'inner'\n")


def test_an_error_that_ends_the_process() -> None:
    (crash,) = lines_of("raise ValueError('the password is open-sesame')", code=1)
    assert (crash["event"], crash["exit_code"]) == ("crash", 1)
    assert crash["message"] == "ValueError: the password is ***" and "Traceback" in crash["traceback"]


def test_lines_of_a_forked_process() -> None:
    found = lines_of(
        """
import os
child = os.fork()
if child == 0:
    print("from a fork", file=sys.stderr, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    )
    assert [line["message"] for line in found] == ["from a fork"]


def test_a_process_that_is_killed_has_told_what_it_printed() -> None:
    found = lines_of(
        """
import os, signal
print("last words", file=sys.stderr)
os.kill(os.getpid(), signal.SIGKILL)
""",
        code=-signal.SIGKILL,
    )
    assert [line["message"] for line in found] == ["last words"]


def test_a_process_that_is_forked_in_the_middle_of_a_line_does_not_wait_for_its_end() -> None:
    found = lines_of(
        """
import os, signal
from labelcycle.components.core.logging import events as descriptor
with descriptor._lock:
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        print("from a fork", file=sys.stderr)
        os._exit(0)
    _, status = os.waitpid(child, 0)
print(status, file=sys.stderr)
"""
    )
    assert [line["message"] for line in found] == ["from a fork", "0"]


def test_many_lines_from_c_are_all_there() -> None:
    """More than a pipe holds, while nobody reads: the writer does not wait."""
    found = lines_of(
        """
import ctypes
library = ctypes.PyDLL(None)  # holds the interpreter's lock, as extensions do
for number in range(400):
    text = b"line %d " % number + b"x" * 300 + b"\\n"
    library.write(2, text, len(text))
"""
    )
    assert [line["message"].split()[1] for line in found] == [str(number) for number in range(400)]
