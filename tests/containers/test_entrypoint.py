"""The images' entrypoint, run by this machine's shell with stand-ins for the programs that it may start."""

import subprocess
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "images" / "entrypoint.sh"


@pytest.mark.parametrize(
    "given, started",
    [
        (["sh", "-ec", "script", "--executor_input", "{}"], "sh -ec script --executor_input {}"),
        (["python3", "-m", "kfp.dsl.executor_main"], "python3 -m kfp.dsl.executor_main"),
        (["labelcycle", "stage", "embed"], "labelcycle stage embed"),
        (["stage", "embed", "--root", "a b"], "labelcycle stage embed --root a b"),
        (["nothing"], "labelcycle nothing"),
        ([], "labelcycle"),
    ],
)
def test_what_is_started(given: list[str], started: str, tmp_path: Path) -> None:
    for name in ("sh", "python3", "labelcycle"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(ENTRYPOINT), *given], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == started.split()
