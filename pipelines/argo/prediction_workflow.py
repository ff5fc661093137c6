"""The workflow template of a prediction: its table of `pipelines.graph`, each task a `labelcycle stage` command."""

from hera.workflows import DAG, Container, Parameter, Step, Steps, Task, WorkflowTemplate

from labelcycle.pipelines.argo.cycle_workflow import OUTPUTS, in_shards, passed_on, stage_container
from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import SHARDS, Rendering, workflow_parameters
from labelcycle.pipelines.argo.workflow import workflow_settings
from labelcycle.pipelines.graph import PREDICTION, Graph, slug
from labelcycle.pipelines.graph import Task as InGraph

PREDICT = "labelcycle-predict"
"""The workflow template, and its entrypoint."""

OWN = {
    "images": ("", "A folder or s3:// prefix, or a .txt list of images; empty for the campaign's pool."),
    "model": ("champion", "champion, final, or the number of a cycle."),
    "output": ("", "A .parquet or .csv file for all predictions, by s3:// URI; empty for none."),
}
"""What a submission may say besides what it may of any workflow: default and meaning."""

SHARED = ("root", "shards", "storage_secret", "settings_map")


def prediction_template(rendering: Rendering, graph: Graph = PREDICTION) -> WorkflowTemplate:
    """The workflow template that classifies a pool or images in shards; the same again makes nothing twice."""
    parameters = [each for each in workflow_parameters(rendering) if each.name in SHARED]
    own = [Parameter(name=name, value=value, description=said) for name, (value, said) in OWN.items()]
    return WorkflowTemplate(
        api_version="argoproj.io/v1alpha1",
        kind="WorkflowTemplate",
        name=PREDICT,
        labels=labels("predict"),
        entrypoint="prediction",
        arguments=[*parameters[:1], *own, *parameters[1:]],
        templates=[_whole(graph), _tasks(graph), *_stages(rendering, graph)],
        **workflow_settings("predict"),
    )


def _whole(graph: Graph) -> Steps:
    first = slug(graph.first)
    work = [Parameter(name=name, value=f"{{{{steps.{first}.outputs.parameters.{name}}}}}") for name in graph.work]
    return Steps(
        name="prediction",
        sub_steps=[Step(name=first, template=first), Step(name="tasks", template="tasks", arguments=work)],
    )


def _tasks(graph: Graph) -> DAG:
    return DAG(
        name="tasks",
        inputs=[Parameter(name=name) for name in graph.work],
        tasks=[_task(graph, task) for task in graph.tasks],
    )


def _task(graph: Graph, task: InGraph) -> Task:
    given = [
        Parameter(name=name, value=f"{{{{workflow.parameters.{name}}}}}")
        for name in graph.given
        if name in task.runs.takes
    ]
    own = [Parameter(name=setting, value=value) for setting, value in task.settings.items()]
    return Task(
        name=slug(task.name),
        template=slug(task.stage) + ("-in-shards" if task.runs.sharded else ""),
        arguments=[*passed_on(graph.work), *given, *own],
        dependencies=[slug(name) for name in task.after] or None,
    )


def _stages(rendering: Rendering, graph: Graph) -> list[Container | Steps]:
    """All templates that run a stage. Those named `…-in-shards` run one pod a shard."""
    templates: list[Container | Steps] = []
    for stage in graph.stages:
        if stage.name == graph.first:
            arguments = _options({name: f"{{{{workflow.parameters.{name}}}}}" for name in stage.takes})
            arguments += ["--shards", SHARDS, "--outputs", OUTPUTS]
            templates.append(stage_container(rendering, stage, (), arguments, outputs=stage.gives))
            continue
        inputs = (*stage.takes, "shard") if stage.sharded else stage.takes
        arguments = _options({name: f"{{{{inputs.parameters.{name}}}}}" for name in inputs})
        if stage.sharded:
            arguments += ["--shards", SHARDS]
        templates.append(stage_container(rendering, stage, inputs, arguments))
        if stage.sharded:
            templates.append(in_shards(rendering, stage))
    return templates


def _options(values: dict[str, str]) -> list[str]:
    return [text for name, value in values.items() for text in (f"--{name}", value)]
