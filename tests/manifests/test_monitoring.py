"""Alert rules and dashboard ask for figures that `labelcycle metrics` exposes, with the labels that these have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from labelcycle.pipelines.metrics.exposition import as_text
from labelcycle.pipelines.metrics.serving import READABLE
from tests.pipelines.metrics.test_exposition import FIGURES

FOLDER = Path(__file__).parents[2] / "manifests" / "monitoring"
NAME = re.compile(r"\blabelcycle_[a-z_]+")
KNOWN_LABELS = {"campaign", "stage", "kind", "labelcycle_campaign_phase", "root", "instance", "job"}


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


def test_every_figure_that_is_asked_for_is_exposed() -> None:
    exposed = {family.name for family in text_string_to_metric_families(as_text(FIGURES))} | {READABLE}
    asked = {name for text in expressions() for name in NAME.findall(text)}
    assert asked <= exposed and len(asked) > 10
    assert READABLE in asked and "labelcycle_campaign_failed_runs" in asked


def test_words_name_labels_that_there_are() -> None:
    texts = [text for rule in rules() for text in rule["annotations"].values()]
    texts += [target["legendFormat"] for panel in panels() for target in panel["targets"]]
    named = {name for text in texts for name in re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", text)}
    assert named <= KNOWN_LABELS and {"campaign", "stage"} <= named


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
