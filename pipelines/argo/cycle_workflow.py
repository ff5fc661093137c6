"""The workflow template of one cycle: the table of `pipelines.graph`, each task a `labelcycle stage` command."""

from collections.abc import Sequence

from hera.workflows import DAG, Container, Parameter, Step, Steps, Task, WorkflowTemplate
from hera.workflows.models import Mutex, Synchronization, ValueFrom
from hera.workflows.models import Sequence as Numbers

from labelcycle.pipelines.argo.pod import SCRATCH, labels, pod_settings
from labelcycle.pipelines.argo.rendering import (
    CYCLE,
    FINALIZE,
    LABELS_FROM,
    ROOT,
    SHARDS,
    Rendering,
    workflow_parameters,
)
from labelcycle.pipelines.argo.workflow import after_a_failure, exit_hook, workflow_settings
from labelcycle.pipelines.graph import DECISIONS, WORK, Decision, Stage, slug
from labelcycle.pipelines.graph import Task as InGraph

OUTPUTS = f"{SCRATCH}/outputs"
"""The folder that a stage writes its facts to, one file each."""

NOT_WRITTEN = "failed"
"""What Argo takes for an output that a stage did not write. As a decision it leads nowhere.

Without it the executor would fail as well where a stage fails, and its complaint stand in place of the stage's end.
"""


def stage_templates(rendering: Rendering) -> list[Container | Steps]:
    """All templates that run a stage. Those named `…-in-shards` run one pod a shard."""
    templates: list[Container | Steps] = []
    for stage in rendering.graph.stages:
        templates.append(_first(rendering, stage) if stage.name == rendering.graph.first else _worker(rendering, stage))
        if stage.sharded:
            templates.append(in_shards(rendering, stage))
    return templates


def passed_on(names: Sequence[str]) -> list[Parameter]:
    """Arguments that hand a template's own inputs on."""
    return [Parameter(name=name, value=f"{{{{inputs.parameters.{name}}}}}") for name in names]


def _first(rendering: Rendering, stage: Stage) -> Container:
    """label_ingest, whose facts decide how the run goes on."""
    finalize = f"{{{{={FINALIZE.strip('{}')} == 'true' ? '--finalize' : '--no-finalize'}}}}"
    arguments = ["--labels-from", LABELS_FROM, finalize, "--outputs", OUTPUTS]
    return stage_container(rendering, stage, stage.takes, arguments, outputs=stage.gives)


def _worker(rendering: Rendering, stage: Stage) -> Container:
    inputs = (*stage.takes, "shard") if stage.sharded else stage.takes
    arguments = [text for name in inputs for text in (f"--{name}", f"{{{{inputs.parameters.{name}}}}}")]
    if stage.sharded or stage.counts_shards:
        arguments += ["--shards", SHARDS]
    return stage_container(rendering, stage, inputs, arguments)


def stage_container(
    rendering: Rendering, stage: Stage, inputs: Sequence[str], arguments: list[str], outputs: Sequence[str] = ()
) -> Container:
    """A template that runs a stage by its command.

    Args:
        rendering: profile and image.
        stage: which.
        inputs: names of the template's inputs.
        arguments: of the command, besides the root.
        outputs: facts of the stage that others need.
    """
    placement = rendering.profile.stages[stage.name]
    return Container(
        name=slug(stage.name),
        inputs=[Parameter(name=name) for name in inputs],
        outputs=[_output(name) for name in outputs] or None,
        image=rendering.image_for(placement),
        command=["labelcycle", "stage", stage.name],
        args=["--root", ROOT, *arguments],
        **pod_settings(stage.name, placement),
    )


def _output(name: str) -> Parameter:
    return Parameter(name=name, value_from=ValueFrom(path=f"{OUTPUTS}/{name}", default=NOT_WRITTEN))


def in_shards(rendering: Rendering, stage: Stage) -> Steps:
    """One pod a shard, some of them at a time."""
    shard = Step(
        name="shard",
        template=slug(stage.name),
        arguments=[*passed_on(stage.takes), Parameter(name="shard", value="{{item}}")],
        with_sequence=Numbers(count=SHARDS),
    )
    return Steps(
        name=f"{slug(stage.name)}-in-shards",
        inputs=[Parameter(name=name) for name in stage.takes],
        parallelism=rendering.profile.shards_at_once,
        sub_steps=[shard],
    )


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
        templates=[
            _one_cycle(),
            *(_branch(rendering, of) for of in DECISIONS),
            *stage_templates(rendering),
            after_a_failure(rendering),
        ],
        hooks=exit_hook(),
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
                Step(
                    name=slug(decision),
                    template=slug(decision),
                    arguments=work,
                    when=f"{DECISION} == {decision}",
                )
                for decision in DECISIONS
            ],
        ],
    )


def _branch(rendering: Rendering, decision: Decision) -> DAG:
    return DAG(
        name=slug(decision),
        inputs=[Parameter(name=name) for name in WORK],
        tasks=[_task(task) for task in rendering.graph.branch(decision)],
    )


def _task(task: InGraph) -> Task:
    own = [Parameter(name=setting, value=value) for setting, value in task.settings.items()]
    return Task(
        name=slug(task.name),
        template=slug(task.stage) + ("-in-shards" if task.runs.sharded else ""),
        arguments=[*passed_on(WORK), *own],
        dependencies=[slug(name) for name in task.after] or None,
    )
