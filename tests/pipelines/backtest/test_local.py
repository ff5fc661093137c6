"""The processes that run arms: what a killed one leads to."""

from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.backtest import local


def test_an_arm_that_is_killed_may_be_run_again(tmp_path: Path) -> None:
    log, program = tmp_path / "log.txt", "import os; os.write(2, b'no more memory'); os._exit(9)"
    nothing: Any = {}
    with pytest.raises(TransientError, match=r"An arm died (.|\n)*no more memory\n(.|\n)*Run the same command again"):
        local.run_arms(program, nothing, [nothing], log, run=exec)
