"""The command line as users have it: the installed `labelcycle`, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.warm_start import warm_python

COMMAND = str(Path(sys.executable).with_name("labelcycle"))

Command = Callable[..., subprocess.CompletedProcess[str]]
"""Words of a command line and, by name, variables of its environment → how it ended."""


def command_in(folder: Path, seconds: float, cold: bool = False) -> Command:
    """A function that runs the command in a folder; it sees to it that there is no traceback.

    Args:
        folder: where the command is started; made if need be.
        seconds: after which it is killed and the test fails.
        cold: let Python start anew, for tests of what is imported when.
    """
    folder.mkdir(exist_ok=True)

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run(
            [*([] if cold else [warm_python()]), COMMAND, *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"COLUMNS": "200", "HF_HUB_OFFLINE": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert "Traceback" not in answer.stderr, answer.stderr
        return answer

    return run
