"""`labelcycle label` as a process on a free port, ended by its own pid."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.installed_command import COMMAND
from tests.warm_start import warm_python

SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A process, and the address that it printed."""

    process: Any
    address: str

    def ask(self, path: str, body: Any = None) -> Any:
        """What it answers, read from JSON."""
        parts = urlsplit(self.address)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self.address + path, data, headers), timeout=SECONDS
        ) as answer:
            return json.load(answer)


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., Server]]:
    """A function, for the length of a block: root and flags → the page's server. All are ended, and log in a folder."""
    processes: list[Any] = []

    def started(root: str, *flags: str) -> Server:
        with (folder / f"label-{len(processes)}.log").open("w") as log:
            process = subprocess.Popen(
                [warm_python(), COMMAND, "label", root, "--port", "0", *flags],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"COLUMNS": "200"},
            )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return Server(process, process.stdout.readline().split()[1])

    try:
        yield started
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait(SECONDS)
            process.stdout.close()
