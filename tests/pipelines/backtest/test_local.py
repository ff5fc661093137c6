"""The processes that run arms: what a killed one leads to."""

from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.backtest import local


def test_an_arm_that_is_killed_may_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, program = tmp_path / "log.txt", "import os; os.write(2, b'no more memory'); os._exit(9)"
    monkeypatch.setattr(local, "_run_arm", exec)
    nothing: Any = {}
    with pytest.raises(TransientError, match=r"An arm died (.|\n)*no more memory\n(.|\n)*Run the same command again"):
        local._run_arms(program, nothing, [nothing], log)
