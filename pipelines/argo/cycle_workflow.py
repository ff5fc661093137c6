"""The workflow template of one cycle: the graph of `pipelines.cycle`, each task a `labelcycle stage` command."""

from collections.abc import Sequence

from hera.workflows import DAG, Container, Parameter, Step, Steps, Task, WorkflowTemplate
from hera.workflows.models import Mutex, Synchronization, ValueFrom
from hera.workflows.models import Sequence as Numbers

from labelcycle.pipelines.argo.pod import SCRATCH, labels, pod_settings
from labelcycle.pipelines.argo.rendering import (
    ATTEMPT,
    CYCLE,
    CYCLE_NUMBER,
    FINALIZE,
    LABELS_FROM,
    ROOT,
    SHARDS,
    Rendering,
    workflow_parameters,
)
from labelcycle.pipelines.argo.workflow import workflow_settings
from labelcycle.pipelines.profiles.profile import Stage

OUTPUTS = f"{SCRATCH}/outputs"
"""The folder that a stage writes its facts to, one file each."""

WORK = ("cycle", "attempt")
"""What every stage but the first is told, from label_ingest's facts."""

NOT_WRITTEN = "failed"
"""What Argo takes for an output that a stage did not write. As a decision it leads nowhere.

Without it the executor would fail as well where a stage fails, and its complaint stand in place of the stage's end.
"""

_ON_ATTEMPT = ["--cycle", CYCLE_NUMBER, "--attempt", ATTEMPT]
_ON_SHARD = ["--shard", "{{inputs.parameters.shard}}", "--shards", SHARDS]


def stage_templates(rendering: Rendering) -> list[Container | Steps]:
    """All templates that run a stage. Those named `…-in-shards` run one pod a shard."""
    return [
        _label_ingest(rendering),
        _container(rendering, "embed", (*WORK, "target", "shard"), [*_ON_ATTEMPT, *_target(), *_ON_SHARD]),
        _in_shards(rendering, "embed", (*WORK, "target")),
        _container(rendering, "train_adapter", WORK, _ON_ATTEMPT),
        _container(rendering, "evaluate", WORK, _ON_ATTEMPT),
        _container(rendering, "score", (*WORK, "shard"), [*_ON_ATTEMPT, *_ON_SHARD]),
        _in_shards(rendering, "score", WORK),
        _container(rendering, "select", WORK, [*_ON_ATTEMPT, "--shards", SHARDS]),
        _container(rendering, "publish", WORK, _ON_ATTEMPT),
    ]


def passed_on(names: Sequence[str]) -> list[Parameter]:
    """Arguments that hand a template's own inputs on."""
    return [Parameter(name=name, value=f"{{{{inputs.parameters.{name}}}}}") for name in names]


def _target() -> list[str]:
    return ["--target", "{{inputs.parameters.target}}"]


def _label_ingest(rendering: Rendering) -> Container:
    finalize = f"{{{{={FINALIZE.strip('{}')} == 'true' ? '--finalize' : '--no-finalize'}}}}"
    return _container(
        rendering,
        "label_ingest",
        ("labels_from", "finalize"),
        ["--labels-from", LABELS_FROM, finalize, "--outputs", OUTPUTS],
        outputs=("decision", "cycle", "attempt", "reason"),
    )


def _container(
    rendering: Rendering, stage: Stage, inputs: Sequence[str], arguments: list[str], outputs: Sequence[str] = ()
) -> Container:
    placement = rendering.profile.stages[stage]
    return Container(
        name=template_name(stage),
        inputs=[Parameter(name=name) for name in inputs],
        outputs=[_output(name) for name in outputs] or None,
        image=rendering.image_for(placement),
        command=["labelcycle", "stage", stage],
        args=["--root", ROOT, *arguments],
        **pod_settings(stage, placement),
    )


def _output(name: str) -> Parameter:
    return Parameter(name=name, value_from=ValueFrom(path=f"{OUTPUTS}/{name}", default=NOT_WRITTEN))


def _in_shards(rendering: Rendering, stage: Stage, inputs: Sequence[str]) -> Steps:
    """One pod a shard, some of them at a time."""
    shard = Step(
        name="shard",
        template=template_name(stage),
        arguments=[*passed_on(inputs), Parameter(name="shard", value="{{item}}")],
        with_sequence=Numbers(count=SHARDS),
    )
    return Steps(
        name=f"{template_name(stage)}-in-shards",
        inputs=[Parameter(name=name) for name in inputs],
        parallelism=rendering.profile.shards_at_once,
        sub_steps=[shard],
    )


def template_name(stage: Stage) -> str:
    """A stage's name as Argo writes names."""
    return stage.replace("_", "-")


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
