"""Debian's Prometheus fetches a campaign's figures, and takes the rules and the dashboard's queries."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.components.select.test_rechecks import WRONG, Crew, other, truth, unlabelled
from tests.manifests.test_monitoring import FOLDER, panels, rules
from tests.pipelines.conftest import COMMAND
from tests.services.prometheus.server import Prometheus

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="there is no Prometheus: apt-get install prometheus"
)
RULES = FOLDER / "alerts.yaml"


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    checked = subprocess.run([str(PROMTOOL), "check", "rules", str(RULES)], capture_output=True, text=True)
    assert checked.returncode == 0 and f"{len(rules())} rules found" in checked.stdout, checked.stderr


CAMPAIGN = 'campaign="digits-c984ce3d"'
DONE, LABELLING = (
    f'labelcycle_campaign_phase{{{CAMPAIGN},labelcycle_campaign_phase="{phase}"}}' for phase in ("done", "labelling")
)
COMMITTED = f"labelcycle_campaign_last_commit_timestamp_seconds{{{CAMPAIGN}}}"
CASES: dict[str, dict[str, tuple[int, int]]] = {
    "LabelcycleLabelsAwaited": {
        f"labelcycle_campaign_awaited_samples{{{CAMPAIGN}}}": (20, 0),
        COMMITTED: (0, 0),
    },
    "LabelcycleStageFails": {f"labelcycle_campaign_failed_runs{{{CAMPAIGN}}}": (3, 0)},
    "LabelcycleStandsStill": {LABELLING: (1, 0), DONE: (0, 1), COMMITTED: (0, 0)},
    "LabelcycleBudgetNearlySpent": {
        f"labelcycle_campaign_answers{{{CAMPAIGN}}}": (95, 50),
        f"labelcycle_campaign_budget_labels{{{CAMPAIGN}}}": (100, 100),
        DONE: (0, 0),
    },
    "LabelcycleRootUnreadable": {'labelcycle_campaign_readable{root="s3://b/c"}': (0, 1)},
    "LabelcycleExporterGone": {'up{job="labelcycle",instance="127.0.0.1:9108"}': (0, 1)},
}
"""Series of each rule: a value at which it fires after twenty days, and one at which it does not."""


def rule_tests() -> dict[str, Any]:
    """A file for `promtool test rules`."""
    tests = [
        {
            "interval": "1h",
            "input_series": [{"series": key, "values": f"{pair[quiet]}x1000"} for key, pair in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": "480h",
                    "exp_samples": [] if quiet else [{"labels": "{}", "value": 1}],
                }
            ],
        }
        for name, series in CASES.items()
        for quiet in (False, True)
    ]
    return {"rule_files": [str(RULES)], "evaluation_interval": "1h", "tests": tests}


def test_each_rule_fires_where_it_should_and_not_elsewhere(tmp_path: Path) -> None:
    assert CASES.keys() == {rule["alert"] for rule in rules()}
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump(rule_tests()))
    tested = subprocess.run([str(PROMTOOL), "test", "rules", str(path)], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@contextmanager
def exporting(root: str) -> Iterator[str]:
    """`labelcycle metrics --serve` for the length of a block: host and port."""
    command = [COMMAND, "metrics", root, "--serve", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().removeprefix("figures at ").strip()
            yield urlsplit(address).netloc
        finally:
            process.terminate()


@pytest.fixture
def scraping(begin: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[[], tuple[Crew, Prometheus]]]:
    """A campaign of three cycles, the last of which trained on labels that were asked for again, and a Prometheus."""
    campaign = begin(**unlabelled(tmp_path), budget=60, batch=12, initial=24, recheck=0.25, label_price=0.5)
    people = Crew(campaign)
    campaign.run_cycle()
    wrong = [row["sample_id"] for row in people.rows(0)][:WRONG]
    people.fill_in(0, lambda name: other(name) if name in wrong else truth(name))
    campaign.run_cycle()
    people.fill_in(1, truth)
    campaign.run_cycle()
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with exporting(campaign.root) as target:
        server = Prometheus(str(PROMETHEUS), folder, target, RULES)
        try:
            server.start()
            server.wait_for(lambda: server.query("labelcycle_campaign_labels"), "scraped")
            yield lambda: (people, server)
        finally:
            server.stop()


def test_figures_rules_and_dashboard(scraping: Callable[[], tuple[Crew, Prometheus]]) -> None:
    people, server = scraping()
    campaign = people.campaign
    [labels] = server.query("labelcycle_campaign_labels")
    assert labels["metric"]["campaign"] == campaign.state.campaign.identifier and labels["value"][1] == "33"
    assert [found["value"][1] for found in server.query('up{job="labelcycle"}')] == ["1"]
    read = server.rules()
    assert {rule["name"] for rule in read} == {rule["alert"] for rule in rules()}
    server.wait_for(lambda: all(rule["health"] == "ok" for rule in server.rules()), "evaluated")
    answered = {}
    for panel in panels():
        for target in panel["targets"]:
            answered[target["expr"]] = server.query(target["expr"].replace("$campaign", ".*"))
    assert all(answered.values()), [text for text, found in answered.items() if not found]
    again = {
        found["metric"]["outcome"]: found["value"][1]
        for text, found_all in answered.items()
        for found in found_all
        if "rechecked_labels" in text
    }
    assert again == {"confirmed": "0", "corrected": str(WRONG), "undecided": "0", "unanswered": "0"}
    people.fill_in(2, truth)
    campaign.run_cycle()
    server.wait_for(lambda: server.query("labelcycle_campaign_labels > 33"), "scraped again")
    assert json.loads((FOLDER / "dashboard.json").read_text())["uid"] == "labelcycle"
