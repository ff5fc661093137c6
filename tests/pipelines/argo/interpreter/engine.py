"""Executes workflows as Argo's controller does, one node at a time.

Understood is what labelcycle's manifests use: steps, DAGs, containers, suspended nodes, conditions, sequences, retries,
references to other templates, recursion, locks and exit hooks. What manifests may use at all is for the reference check
to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.pipelines.argo.interpreter.expressions import evaluate, holds, substitute
from tests.pipelines.argo.interpreter.pods import Pod, Runner

Phase = Literal["Succeeded", "Failed", "Skipped", "Omitted"]
DEEPEST = 99
"""Argo refuses the hundredth call of a template inside others."""
People = Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Node:
    """How a node ended, and its output parameters."""

    phase: Phase
    outputs: dict[str, str] = field(default_factory=dict)


def nobody(inputs: dict[str, str]) -> dict[str, str]:
    """In place of people where a workflow must not wait for any."""
    raise AssertionError(f"the workflow waits for people, with {inputs}")


class Workflow:
    """One run of a workflow.

    Attributes:
        pods: every container that was started, retries among them, in order.
        ended: how; None before the end.
        waits: how often it waited for people.
        deepest: the most calls of templates inside each other.
        locks: names of the locks that it took.
    """

    def __init__(self, templates: Mapping[str, dict[str, Any]], run_pod: Runner, people: People = nobody) -> None:
        """Args: the WorkflowTemplates by name; what runs a pod; what people supply, given a suspended node's inputs."""
        self.templates, self.run_pod, self.people = templates, run_pod, people
        self.pods: list[Pod] = []
        self.ended: Phase | None = None
        self.waits = self.deepest = 0
        self.locks: list[str] = []
        self._held: set[str] = set()
        self._parameters: dict[str, str] = {}

    def run(self, spec: dict[str, Any]) -> Phase:
        """Run the spec of a Workflow that refers to a WorkflowTemplate; its arguments go over the template's."""
        home = spec["workflowTemplateRef"]["name"]
        own = self.templates[home]["spec"]
        given = _values(spec.get("arguments", {}), {})
        declared = _values(own.get("arguments", {}), {})
        if unknown := given.keys() - declared.keys():
            raise LookupError(f"{home} has no parameter {sorted(unknown)}")
        self._parameters = {f"workflow.parameters.{name}": value for name, value in (declared | given).items()}
        self.ended = self._execute(home, own["entrypoint"], {}, 1).phase
        if "exit" in own.get("hooks", {}):
            self._exit(home, own["hooks"]["exit"], self.ended)
        return self.ended

    def _exit(self, home: str, hook: dict[str, Any], ended: Phase) -> None:
        """What is run at the end, whatever expression it has; the workflow has ended as it has, however this ends."""
        self._parameters |= {"workflow.name": f"{home}-abc", "workflow.status": ended}
        self._call(home, hook, self._parameters, 0)

    @property
    def stages(self) -> list[str]:
        """The templates of all pods, in order."""
        return [pod.template for pod in self.pods]

    def _execute(self, home: str, name: str, arguments: dict[str, str], depth: int) -> Node:
        if depth > DEEPEST:
            raise RecursionError("Maximum recursion depth exceeded")
        self.deepest = max(self.deepest, depth)
        [template] = [found for found in self.templates[home]["spec"]["templates"] if found["name"] == name]
        scope = self._parameters | self._inputs(template, arguments)
        locks = substitute(template.get("synchronization", {}).get("mutexes", []), scope)
        taken = {lock["name"] for lock in locks}
        if taken & self._held:
            raise RuntimeError(f"the workflow waits for a lock that it holds: {taken}")
        self.locks += sorted(taken)
        self._held |= taken
        try:
            return self._run_template(home, template, scope, depth)
        finally:
            self._held -= taken

    def _inputs(self, template: dict[str, Any], arguments: dict[str, str]) -> dict[str, str]:
        declared = template.get("inputs", {}).get("parameters", [])
        if unknown := arguments.keys() - {parameter["name"] for parameter in declared}:
            raise LookupError(f"template {template['name']} has no input {sorted(unknown)}")
        values = {}
        for parameter in declared:
            value = arguments.get(parameter["name"], parameter.get("value"))
            if value is None:
                raise LookupError(f"input {parameter['name']} of template {template['name']} is not given")
            values[f"inputs.parameters.{parameter['name']}"] = substitute(value, self._parameters)
        return values

    def _run_template(self, home: str, template: dict[str, Any], scope: dict[str, str], depth: int) -> Node:
        if "container" in template:
            return self._run_container(template, scope)
        if "suspend" in template:
            return self._wait_for_people(template, scope)
        if "steps" in template:
            return self._run_steps(home, template, scope, depth)
        return self._run_tasks(home, template, scope, depth)

    def _run_container(self, template: dict[str, Any], scope: dict[str, str]) -> Node:
        retry = template.get("retryStrategy", {"limit": "0", "expression": "True"})
        for _ in range(int(retry["limit"]) + 1):
            pod = self.run_pod(template, scope)
            self.pods.append(pod)
            if pod.phase == "Succeeded":
                return Node("Succeeded", pod.outputs)
            last = {"exitCode": str(max(pod.exit_code, -1)), "status": pod.phase, "message": pod.message}
            if not evaluate(retry["expression"], {f"lastRetry.{name}": value for name, value in last.items()}):
                break
        return Node("Failed")

    def _wait_for_people(self, template: dict[str, Any], scope: dict[str, str]) -> Node:
        self.waits += 1
        resolved = substitute(template, scope)
        inputs = {parameter["name"]: scope[f"inputs.parameters.{parameter['name']}"] for parameter in _inputs(template)}
        supplied = self.people(inputs)
        outputs = {}
        for parameter in resolved["outputs"]["parameters"]:
            source = parameter["valueFrom"]
            assert source["supplied"] == {}
            outputs[parameter["name"]] = supplied.pop(parameter["name"], source.get("default"))
            if outputs[parameter["name"]] is None:
                raise LookupError(f"{parameter['name']} has not been set and does not have a default value")
        assert not supplied, f"nobody asked for {sorted(supplied)}"
        return Node("Succeeded", outputs)

    def _run_steps(self, home: str, template: dict[str, Any], scope: dict[str, str], depth: int) -> Node:
        scope = dict(scope)
        for group in template["steps"]:
            ends = {step["name"]: self._call(home, step, scope, depth) for step in group}
            if any(end.phase == "Failed" for end in ends.values()):
                return Node("Failed")
            for name, end in ends.items():
                scope |= _seen(f"steps.{name}", end)
        return Node("Succeeded", _own_outputs(template, scope))

    def _run_tasks(self, home: str, template: dict[str, Any], scope: dict[str, str], depth: int) -> Node:
        scope, ends = dict(scope), dict[str, Node]()
        waiting = list(template["dag"]["tasks"])
        while waiting:
            ready = [task for task in waiting if all(name in ends for name in task.get("dependencies", []))]
            if not ready:
                raise LookupError(f"no task can start of {[task['name'] for task in waiting]}")
            task = ready[-1]  # Argo starts all at once; the last one first shows a dependency that was forgotten
            waiting.remove(task)
            before = {ends[name].phase for name in task.get("dependencies", [])}
            end = Node("Omitted") if before & {"Failed", "Omitted"} else self._call(home, task, scope, depth)
            ends[task["name"]] = end
            scope |= _seen(f"tasks.{task['name']}", end)
        failed = any(end.phase == "Failed" for end in ends.values())
        return Node("Failed") if failed else Node("Succeeded", _own_outputs(template, scope))

    def _call(self, home: str, step: dict[str, Any], scope: dict[str, str], depth: int) -> Node:
        """Run what a step or task refers to: not at all, once, or for every item of a sequence."""
        if "when" in step and not holds(substitute(step["when"], scope)):
            return Node("Skipped")
        if "templateRef" in step:
            home, name = step["templateRef"]["name"], step["templateRef"]["template"]
        else:
            name = step["template"]
        if "withSequence" not in step:
            return self._execute(home, name, _values(step.get("arguments", {}), scope), depth + 1)
        for item in range(int(substitute(step["withSequence"]["count"], scope))):
            arguments = _values(step.get("arguments", {}), scope | {"item": str(item)})
            if self._execute(home, name, arguments, depth + 1).phase == "Failed":
                return Node("Failed")
        return Node("Succeeded")


def _inputs(template: dict[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = template.get("inputs", {}).get("parameters", [])
    return parameters


def _values(arguments: dict[str, Any], scope: Mapping[str, str]) -> dict[str, str]:
    return {given["name"]: substitute(given["value"], scope) for given in arguments.get("parameters", [])}


def _seen(prefix: str, end: Node) -> dict[str, str]:
    """What later nodes may refer to: a node that was skipped has no outputs."""
    outputs = {f"{prefix}.outputs.parameters.{name}": value for name, value in end.outputs.items()}
    return {f"{prefix}.status": end.phase, **outputs}


def _own_outputs(template: dict[str, Any], scope: Mapping[str, str]) -> dict[str, str]:
    parameters = template.get("outputs", {}).get("parameters", [])
    return {parameter["name"]: substitute(parameter["valueFrom"]["parameter"], scope) for parameter in parameters}
