"""`labelcycle cost` as users call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_table_json_and_plot(labelcycle: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin(label_price=2.0)
    for _ in range(3):
        campaign.run_cycle()
    shown = labelcycle("cost", campaign.root, "--against", campaign.root)
    assert shown.returncode == 0, shown.stderr
    assert "overall cost 32.00 = labels 32.00 + computing 0.00" in shown.stdout and "cost by random" in shown.stdout
    drawn = labelcycle("cost", campaign.root, "--json", "--plot", tmp_path / "new" / "cost.png")
    assert json.loads(drawn.stdout)["overall_cost"] == 32.0
    assert (tmp_path / "new" / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be(labelcycle: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    campaign.run_cycle()
    for arguments, message in [
        ([campaign.root], "has no trained cycle yet. Run it first: labelcycle run"),
        ([tmp_path / "nothing"], "No campaign at"),
        ([campaign.root, "--plot", "cost.svg"], "--plot cost.svg is not a PNG file"),
    ]:
        answer = labelcycle("cost", *arguments)
        assert answer.returncode == 1 and message in answer.stderr
