"""`labelcycle metrics`: to standard output, and to a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from labelcycle.pipelines.cli.main import app


def names(text: str) -> set[str]:
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_both_ways_say_the_same(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    campaign.run_cycle()
    shown = CliRunner().invoke(app, ["metrics", campaign.root])
    written = CliRunner().invoke(app, ["metrics", campaign.root, "--output", str(tmp_path / "a.prom")])
    assert (shown.exit_code, written.exit_code, written.stdout) == (0, 0, "")
    assert names(shown.stdout) == names((tmp_path / "a.prom").read_text()) > {"labelcycle_campaign_cycle"}
