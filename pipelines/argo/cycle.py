"""The workflow template of one cycle: the same graph as the pipeline of `labelcycle.pipelines.cycle`."""

from hera.workflows import DAG, Parameter, Step, Steps, Task, WorkflowTemplate
from hera.workflows.models import Mutex, Synchronization

from labelcycle.pipelines.argo.parameters import workflow_parameters
from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import CYCLE, Rendering
from labelcycle.pipelines.argo.stages import WORK, passed_on, stage_templates
from labelcycle.pipelines.argo.workflow import workflow_settings

ONE_CYCLE = "cycle"
"""The template that runs a whole cycle: its inputs are labels_from and finalize."""

DECISION = "{{steps.label-ingest.outputs.parameters.decision}}"


def cycle_template(rendering: Rendering) -> WorkflowTemplate:
    """The workflow template that runs one cycle; `wait` and `done` end it after its first pod."""
    return WorkflowTemplate(
        api_version="argoproj.io/v1alpha1",
        kind="WorkflowTemplate",
        name=CYCLE,
        labels=labels("cycle"),
        entrypoint=ONE_CYCLE,
        arguments=workflow_parameters(rendering),
        templates=[_one_cycle(), _cold_start(), _train(), *stage_templates(rendering)],
        **workflow_settings("cycle"),
    )


def _one_cycle() -> Steps:
    """Only one cycle of a campaign runs at a time: others wait for the lock, which is named by the root."""
    work = [Parameter(name=name, value=f"{{{{steps.label-ingest.outputs.parameters.{name}}}}}") for name in WORK]
    return Steps(
        name=ONE_CYCLE,
        inputs=[
            Parameter(name=name, value=f"{{{{workflow.parameters.{name}}}}}") for name in ("labels_from", "finalize")
        ],
        synchronization=Synchronization(
            mutexes=[Mutex(name="labelcycle-{{=sprig.sha256sum(workflow.parameters.root)}}")]
        ),
        sub_steps=[
            Step(name="label-ingest", template="label-ingest", arguments=passed_on(("labels_from", "finalize"))),
            [
                Step(name=branch, template=branch, arguments=work, when=f"{DECISION} == {decision}")
                for branch, decision in (("cold-start", "cold_start"), ("train", "train"))
            ],
        ],
    )


def _cold_start() -> DAG:
    return DAG(
        name="cold-start",
        inputs=[Parameter(name=name) for name in WORK],
        tasks=[
            _task("embed-base", "embed-in-shards", target="base"),
            _task("select", "select", after=["embed-base"]),
            _task("publish", "publish", after=["select"]),
        ],
    )


def _train() -> DAG:
    return DAG(
        name="train",
        inputs=[Parameter(name=name) for name in WORK],
        tasks=[
            _task("embed-base", "embed-in-shards", target="base"),
            _task("train-adapter", "train-adapter", after=["embed-base"]),
            _task("embed-tuned", "embed-in-shards", after=["train-adapter"], target="tuned"),
            _task("evaluate", "evaluate", after=["embed-tuned"]),
            _task("score", "score-in-shards", after=["embed-tuned"]),
            _task("select", "select", after=["score"]),
            _task("publish", "publish", after=["evaluate", "select"]),
        ],
    )


def _task(name: str, template: str, after: list[str] | None = None, **settings: str) -> Task:
    own = [Parameter(name=setting, value=value) for setting, value in settings.items()]
    return Task(name=name, template=template, arguments=[*passed_on(WORK), *own], dependencies=after)
