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
from pathlib import Path

HERE = Path(__file__).parent

READ_AT_IMPORT = ("PYTHON", "OMP_", "MKL_", "OPENBLAS_", "HF_", "TRANSFORMERS_", "TORCH", "MPL", "RANK")
"""How the names of variables begin whose values are the server's, or Python starts anew."""

CACHES = ("HF_HOME", "MPLCONFIGDIR", "PYTHONPYCACHEPREFIX", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR")
"""Folders of libraries' caches, which may be other ones."""


@functools.cache
def warm_python() -> str:
    """The path of the program that takes Python's place; the first call starts its server, which ends with this one."""
    if os.environ.get("LABELCYCLE_TEST_COLD") or not sys.platform.startswith("linux"):
        return sys.executable
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    own = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    settings = {"python": sys.executable, "environment": {n: v for n, v in own.items() if n.startswith(READ_AT_IMPORT)}}
    settings |= {"read_at_import": READ_AT_IMPORT, "caches": CACHES}
    (folder / "settings.json").write_text(json.dumps(settings))
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -SE\n" + (HERE / "client.py").read_text())
    program.chmod(0o755)
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), str(folder)],
            env=own,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    atexit.register(_end, server, folder)
    return str(program)


def _end(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    """The server ends when its standard input does."""
    assert server.stdin is not None
    server.stdin.close()
    server.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)
