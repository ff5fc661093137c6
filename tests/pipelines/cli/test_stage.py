"""Facts of a stage as files, for engines that read single values."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from labelcycle.pipelines.cli.stage import app


def test_each_fact_is_a_file(begin: Callable[..., Any], tmp_path: Path) -> None:
    root, outputs = begin().root, tmp_path / "new" / "outputs"
    answer = CliRunner().invoke(app, ["label_ingest", "--root", root, "--no-finalize", "--outputs", str(outputs)])
    facts = json.loads(answer.stdout)
    assert {file.name: file.read_text() for file in outputs.iterdir()} == {
        "decision": "cold_start",
        "cycle": "0",
        "attempt": facts["attempt"],
        "reason": facts["reason"],
        "awaited": "0",
        "final": "false",
    }
