"""The locked packages for a build: fetched once by this machine's pip, as it is set up, and served on loopback.

So the build needs neither an index nor its settings, and a second run needs no network. The hashes of the lock hold all
the same.
"""

import functools
import hashlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def fetched(lock: Path, cache: Path) -> Path:
    """The folder with every package of the lock; those of other locks are removed."""
    wheels = cache / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not wheels.exists():
        for old in cache.glob("wheels-*"):
            shutil.rmtree(old)
        unfinished = cache / "wheels-unfinished"
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        download = ["download", "--require-hashes", "--no-deps", "--requirement", str(lock), "--dest", str(unfinished)]
        done = subprocess.run([*pip, *download], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        unfinished.rename(wheels)
    return wheels


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder on loopback; yields the address of their list."""
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line of log for each."""

    def log_message(self, format: str, *args: Any) -> None:
        pass
