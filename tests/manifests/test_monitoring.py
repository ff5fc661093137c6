"""Alert rules and dashboard ask for figures that `labelcycle metrics` exposes, with the labels that these have."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from labelcycle.pipelines.metrics.campaign_figures import LastRun
from labelcycle.pipelines.metrics.exposition import as_text
from labelcycle.pipelines.metrics.serving import READABLE
from tests.pipelines.metrics.test_exposition import FIGURES

FOLDER = Path(__file__).parents[2] / "manifests" / "monitoring"
PHASE = "labelcycle_campaign_phase"
NAME = re.compile(r"\blabelcycle_[a-z_]+")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    content: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return list(content["panels"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    content = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    yield from (variable["query"] for variable in content["templating"]["list"] if variable["type"] == "query")


def exposed() -> dict[str, set[str]]:
    """The names of the labels of each figure that `labelcycle metrics` prints for a campaign, by its name."""
    found = {READABLE: {"root"}}
    all_known = dataclasses.replace(FIGURES, runs=[LastRun("score", 9.0, 6.0, 1.0, 8, 3, 10, 4)])
    for family in text_string_to_metric_families(as_text(all_known)):
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    return found


def test_every_figure_that_is_asked_for_is_exposed() -> None:
    asked = {name for text in expressions() for name in NAME.findall(text)}
    assert asked <= exposed().keys() and len(asked) > 10
    assert READABLE in asked and "labelcycle_campaign_failed_runs" in asked


def test_the_dashboard_asks_for_what_is_printed_and_shows_its_labels() -> None:
    """A panel of a figure that nothing prints, or a legend of a label that it lacks, stays blank in Grafana."""
    printed, shown = exposed(), set()
    for panel in panels():
        for target in panel["targets"]:
            names = NAME.findall(target["expr"])
            assert names and set(names) <= printed.keys(), panel["title"]
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert legend and legend <= printed[names[0]], panel["title"]
            shown.update(names)
    assert "labelcycle_campaign_rechecked_labels" in shown
    left_out = {"labelcycle_campaign_last_commit_age_seconds", "labelcycle_stage_last_run_rows", READABLE}
    assert shown == printed.keys() - left_out, "what is printed is shown, but for what others say"


def test_words_of_rules_name_labels_that_there_are() -> None:
    texts = [text for rule in rules() for text in rule["annotations"].values()]
    named = {name for text in texts for name in re.findall(r"\{\{ *\$labels\.(\w+) *\}\}", text)}
    assert {"campaign", "root"} <= named <= {"campaign", "root", "instance", PHASE}


def test_rules_and_panels_are_told_apart() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) and all(name.startswith("Labelcycle") for name in names)
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in rules())
    assert [panel["id"] for panel in panels()] == list(range(1, len(panels()) + 1))
    taken = [
        (x, y)
        for panel in panels()
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(taken)) == len(taken) and max(x for x, _ in taken) < 24
