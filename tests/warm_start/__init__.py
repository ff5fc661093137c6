"""Python processes that begin with everything imported: copies of one that was started before the first of them.

Of what a `labelcycle` process costs in a test, imports are nearly all: one second for the command line, ten for a stage
that trains adapters. `warm_python()` is the path of a program that takes Python's place: `<path> -m module …`,
`<path> -c code …`, `<path> script …`. It hands arguments, environment, folder and standard streams to the server of
this test session, which makes a copy of itself for it, and ends as the copy does. A real process does the work: with
its own memory, exit code and signals, and a kill of the program kills the copy and all that it started.

What a copy cannot show is what happens while modules are imported. So Python itself takes over where the environment
has other settings that libraries read at their import, and everywhere if `LABELCYCLE_TEST_COLD` is set, as it is by
`make test-long`.
"""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

HERE = Path(__file__).parent
OWNERS = "owners"
"""A named pipe, which each process that uses a server keeps open until it ends."""

READ_AT_IMPORT = ("PYTHON", "OMP_", "MKL_", "OPENBLAS_", "HF_", "TRANSFORMERS_", "TORCH", "MPL", "RANK")
"""How the names of variables begin whose values are the server's, or Python starts anew."""

CACHES = ("HF_HOME", "MPLCONFIGDIR", "PYTHONPYCACHEPREFIX", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR")
"""Folders of libraries' caches, which may be other ones."""


@functools.cache
def warm_python() -> str:
    """The path of the program that takes Python's place; the first call starts its server.

    Processes that run the tests of one session side by side share a server, which ends with the last of them.
    """
    if os.environ.get("LABELCYCLE_TEST_COLD") or not sys.platform.startswith("linux"):
        return sys.executable
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"warm-{session}"
    own = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    prepared = _prepared(own)
    reading = os.open(prepared / OWNERS, os.O_RDONLY | os.O_NONBLOCK)
    try:
        prepared.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(prepared)
        atexit.register(os.close, os.open(folder / OWNERS, os.O_WRONLY | os.O_NONBLOCK))
    else:
        owner = os.open(folder / OWNERS, os.O_WRONLY)
        atexit.register(_end, _begun(folder, own, reading), owner)
    finally:
        os.close(reading)
    return str(folder / "python")


def _prepared(own: dict[str, str]) -> Path:
    """A folder with all that a server and its clients need."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    settings = {"python": sys.executable, "environment": {n: v for n, v in own.items() if n.startswith(READ_AT_IMPORT)}}
    settings |= {"read_at_import": READ_AT_IMPORT, "caches": CACHES}
    (folder / "settings.json").write_text(json.dumps(settings))
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -SE\n" + (HERE / "client.py").read_text())
    program.chmod(0o755)
    os.mkfifo(folder / OWNERS)
    return folder


def _begun(folder: Path, own: dict[str, str], owners: int) -> "subprocess.Popen[bytes]":
    """A server that ends once nobody has the pipe of its owners open any more."""
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), str(folder)],
            env=own,
            stdin=owners,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


def _end(server: "subprocess.Popen[bytes]", owner: int) -> None:
    os.close(owner)
    server.wait(timeout=60)
