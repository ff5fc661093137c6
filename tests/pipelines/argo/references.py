"""What Argo would only find out in the cluster: references between and inside manifests that lead nowhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.pipelines.argo.interpreter.expressions import FUNCTIONS, TAG

NAME = re.compile(r"\b(?:workflow|inputs|steps|tasks|item)(?:\.[\w-]+)*")
TEXT = re.compile(r"'[^']*'")

OF_A_WORKFLOW = {"workflow.name", "workflow.status"}
"""What Argo knows of a workflow itself."""


def problems(manifests: Mapping[str, dict[str, Any]]) -> list[str]:
    """Every reference that leads nowhere, in words; none where all is well."""
    templates = {
        manifest["metadata"]["name"]: manifest
        for manifest in manifests.values()
        if manifest["kind"] == "WorkflowTemplate"
    }
    found: list[str] = []
    for name, manifest in templates.items():
        found += [f"{name}: {problem}" for problem in _Template(manifest, templates).problems()]
    sources = [manifest for manifest in manifests.values() if manifest["kind"] == "EventSource"]
    for manifest in manifests.values():
        found += [f"{manifest['kind']}: {problem}" for problem in _starts(manifest, templates, sources)]
    return found


def _starts(
    manifest: dict[str, Any], templates: Mapping[str, dict[str, Any]], sources: list[dict[str, Any]]
) -> Iterator[str]:
    """Problems of what starts workflows: schedules and sensors."""
    if manifest["kind"] == "CronWorkflow":
        spec = manifest["spec"]["workflowSpec"]
        if "templates" in spec:
            own = {"metadata": manifest["metadata"], "spec": spec}
            yield from _Template(own, {**templates, manifest["metadata"]["name"]: own}).problems()
        else:
            yield from _workflow(spec, templates)
    if manifest["kind"] == "Sensor":
        events = {(source["metadata"]["name"], event) for source in sources for event in source["spec"]["webhook"]}
        for dependency in manifest["spec"]["dependencies"]:
            if (dependency["eventSourceName"], dependency["eventName"]) not in events:
                yield f"no event {dependency['eventName']} of {dependency['eventSourceName']}"
        for trigger in manifest["spec"]["triggers"]:
            yield from _workflow(trigger["template"]["k8s"]["source"]["resource"]["spec"], templates)


def _workflow(spec: dict[str, Any], templates: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    name = spec["workflowTemplateRef"]["name"]
    if name not in templates:
        yield f"no workflow template {name}"
        return
    declared = _names(templates[name]["spec"]["arguments"])
    for argument in sorted(_names(spec["arguments"]) - declared):
        yield f"{name} has no parameter {argument}"


def _names(parameters: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in parameters.get("parameters", [])}


class _Template:
    """One WorkflowTemplate, among all."""

    def __init__(self, manifest: dict[str, Any], all_templates: Mapping[str, dict[str, Any]]) -> None:
        self.name, self.spec, self.all = manifest["metadata"]["name"], manifest["spec"], all_templates
        self.own = {template["name"]: template for template in self.spec["templates"]}
        self.parameters = {f"workflow.parameters.{name}" for name in _names(self.spec["arguments"])}

    def problems(self) -> Iterator[str]:
        if self.spec["entrypoint"] not in self.own:
            yield f"entrypoint {self.spec['entrypoint']} is no template"
        if len(self.own) < len(self.spec["templates"]):
            yield "two templates have the same name"
        for name in sorted(self.own.keys() - self._used()):
            yield f"template {name} is never used"
        for name, template in self.own.items():
            known = self.parameters | {f"inputs.parameters.{given}" for given in _names(template.get("inputs", {}))}
            known |= OF_A_WORKFLOW
            yield from (f"{name}: {problem}" for problem in self._template(template, known))
        for name, hook in self.spec.get("hooks", {}).items():
            known = self.parameters | OF_A_WORKFLOW
            yield from (f"hook {problem}" for problem in self._call({"name": name, **hook}, known))

    def _used(self) -> set[str]:
        used = {self.spec["entrypoint"]}
        for manifest in self.all.values():
            calls = [call for template in manifest["spec"]["templates"] for call in _calls(template)]
            for call in [*calls, *manifest["spec"].get("hooks", {}).values()]:
                own = {"name": manifest["metadata"]["name"], "template": call.get("template")}
                reference = call.get("templateRef", own)
                if reference["name"] == self.name:
                    used.add(reference["template"])
        return used

    def _template(self, template: dict[str, Any], known: set[str]) -> Iterator[str]:
        if "container" in template:
            yield from _mounts(template)
        if "container" in template or "suspend" in template:
            yield from _unknown(template, known)
        for group in template.get("steps", []):
            for step in group:
                yield from self._call(step, known)
            for step in group:
                known = known | self._outputs(step, "steps")
        tasks = {task["name"]: task for task in template.get("dag", {}).get("tasks", [])}
        for task in tasks.values():
            before = [tasks[name] for name in task.get("dependencies", []) if name in tasks]
            for name in task.get("dependencies", []):
                if name not in tasks:
                    yield f"{task['name']} depends on {name}, which is no task"
            yield from self._call(task, known.union(*(self._outputs(earlier, "tasks") for earlier in before)))
        yield from _unknown(template.get("synchronization", {}), known)

    def _target(self, call: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """The workflow template and the template that a step or task calls."""
        reference = call.get("templateRef")
        if reference is None:
            return self.name, self.own.get(call["template"])
        owner = self.all.get(reference["name"], {"spec": {"templates": []}})
        found = [template for template in owner["spec"]["templates"] if template["name"] == reference["template"]]
        return reference["name"], found[0] if found else None

    def _call(self, call: dict[str, Any], known: set[str]) -> Iterator[str]:
        owner, target = self._target(call)
        if target is None:
            yield f"{call['name']} calls a template that does not exist"
            return
        inputs = target.get("inputs", {}).get("parameters", [])
        given = _names(call.get("arguments", {}))
        for name in sorted(given - {parameter["name"] for parameter in inputs}):
            yield f"{call['name']} gives {name}, which {target['name']} does not take"
        for parameter in inputs:
            if parameter["name"] not in given and "value" not in parameter:
                yield f"{call['name']} does not give {parameter['name']}, which {target['name']} needs"
        if owner != self.name:
            needed = {name for name in _all_names(self.all[owner]["spec"]["templates"]) if name.startswith("workflow.")}
            for name in sorted(needed - self.parameters - OF_A_WORKFLOW):
                yield f"{call['name']} calls a template that needs {name}, which is no parameter here"
        repeated = {"item"} if "withSequence" in call else set()
        yield from _unknown({key: call[key] for key in ("when", "withSequence") if key in call}, known)
        yield from _unknown(call.get("arguments", {}), known | repeated)

    def _outputs(self, call: dict[str, Any], kind: str) -> set[str]:
        """What later steps may refer to: nothing of a step that may be skipped, or that runs many times."""
        _, target = self._target(call)
        if target is None or "when" in call or "withSequence" in call:
            return set()
        return {f"{kind}.{call['name']}.outputs.parameters.{name}" for name in _names(target.get("outputs", {}))}


def _calls(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for group in template.get("steps", []) for step in group] + template.get("dag", {}).get("tasks", [])


def _mounts(template: dict[str, Any]) -> Iterator[str]:
    """Problems of a container's folders: unknown volumes, and outputs where nothing can be written."""
    volumes = {volume["name"] for volume in template.get("volumes", [])}
    mounts = template["container"].get("volumeMounts", [])
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"no volume {mount['name']}"
    for parameter in template.get("outputs", {}).get("parameters", []):
        path = parameter["valueFrom"]["path"]
        if not any(path.startswith(f"{mount['mountPath']}/") for mount in mounts):
            yield f"{path} is on a file system that is read-only"
        if path.rpartition("/")[0] not in template["container"]["args"]:
            yield f"nothing writes {path}"


def _unknown(value: Any, known: set[str]) -> Iterator[str]:
    for name in sorted(_all_names(value) - known):
        yield f"{name} is not known there"


def _all_names(value: Any) -> set[str]:
    """All names in the tags of all texts of `value`."""
    if isinstance(value, dict):
        return set().union(*map(_all_names, value.values()))
    if isinstance(value, list):
        return set().union(*map(_all_names, value))
    names: set[str] = set()
    for expression, inner in TAG.findall(value) if isinstance(value, str) else []:
        if not expression:
            names.add(inner)
            continue
        bare = TEXT.sub("", inner)
        names |= set(NAME.findall(bare))
        names |= {call for call in re.findall(r"([\w.]+)\(", bare) if call not in FUNCTIONS}
    return names
