"""The rendered manifests as files, in folders that `kubectl apply -k` takes."""

from pathlib import Path

import yaml

from labelcycle.pipelines.argo.campaign_workflow import campaign_template
from labelcycle.pipelines.argo.cycle_workflow import cycle_template
from labelcycle.pipelines.argo.on_labels import event_source, sensor
from labelcycle.pipelines.argo.prediction_workflow import prediction_template
from labelcycle.pipelines.argo.rendering import Manifest, Rendering
from labelcycle.pipelines.argo.retention import retention
from labelcycle.pipelines.argo.workflow import schedule

WORKFLOWS = "workflows"
ON_LABELS = "workflows-on-labels"

_ACCESS = Path(__file__).with_name("on_labels_access.yaml")
_HEADER = "# Written by `labelcycle argo`. Change its options, or lay a kustomize patch over this; do not edit it.\n"


def rendered_files(rendering: Rendering) -> dict[str, str]:
    """The content of each file, by its path in the output folder."""
    files = {
        f"{WORKFLOWS}/cycle.yaml": _text(cycle_template(rendering).to_dict()),
        f"{WORKFLOWS}/campaign.yaml": _text(campaign_template(rendering).to_dict()),
        f"{WORKFLOWS}/schedule.yaml": _text(schedule(rendering).to_dict()),
        f"{WORKFLOWS}/predict.yaml": _text(prediction_template(rendering).to_dict()),
        f"{WORKFLOWS}/retention.yaml": _text(retention(rendering).to_dict()),
        f"{ON_LABELS}/event-source.yaml": _text(event_source()),
        f"{ON_LABELS}/sensor.yaml": _text(sensor(rendering)),
        f"{ON_LABELS}/access.yaml": _ACCESS.read_text(encoding="utf-8"),
    }
    for folder in (WORKFLOWS, ON_LABELS):
        names = [path.removeprefix(f"{folder}/") for path in files if path.startswith(f"{folder}/")]
        files[f"{folder}/kustomization.yaml"] = _text(_kustomization(rendering, names))
    return files


def write_files(rendering: Rendering, output: Path) -> list[Path]:
    """Write the files, and return their paths."""
    written = []
    for name, content in rendered_files(rendering).items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return written


def _kustomization(rendering: Rendering, names: list[str]) -> Manifest:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": rendering.namespace,
        "resources": names,
    }


def _text(manifest: Manifest) -> str:
    return _HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, which people can read."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text_node)
