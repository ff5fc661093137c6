"""The workflow template of a campaign that people label for: a cycle, a wait for their labels, and again.

A workflow waits in a `suspend` node, without a pod. Whoever resumes it may name a label file, and may end it.
"""

from hera.workflows import Parameter, Step, Steps, Suspend, WorkflowTemplate
from hera.workflows.models import SuppliedValueFrom, TemplateRef, ValueFrom

from labelcycle.pipelines.argo.cycle_workflow import ONE_CYCLE, passed_on
from labelcycle.pipelines.argo.pod import labels
from labelcycle.pipelines.argo.rendering import CAMPAIGN, CYCLE, LABELS_FROM, Rendering, workflow_parameters
from labelcycle.pipelines.argo.workflow import exit_hook, workflow_settings

MOST_CYCLES = 30
"""Argo refuses the hundredth call inside others. A round is two calls, and what runs in the last round is four more."""

NUMBER = "{{inputs.parameters.number}}"
LIMIT = "{{workflow.parameters.max_cycles}}"
ANSWERED = "{{steps.answered.outputs.parameters.decision}}"
SUPPLIED = ("labels_from", "go_on")


def campaign_template(rendering: Rendering) -> WorkflowTemplate:
    """The workflow template that runs cycle after cycle until the campaign is done."""
    limit = Parameter(
        name="max_cycles",
        value=str(MOST_CYCLES),
        description=f"Rounds of this workflow, {MOST_CYCLES} at most; submit it again to go on after them.",
    )
    return WorkflowTemplate(
        api_version="argoproj.io/v1alpha1",
        kind="WorkflowTemplate",
        name=CAMPAIGN,
        labels=labels("campaign"),
        entrypoint="campaign",
        arguments=[*workflow_parameters(rendering), limit],
        templates=[_campaign(), _round(), _people(), _wait_for_labels()],
        hooks=exit_hook(elsewhere=True),
        **workflow_settings("campaign"),
    )


def _campaign() -> Steps:
    first = [
        Parameter(name="number", value="1"),
        Parameter(name="labels_from", value="{{workflow.parameters.labels_from}}"),
    ]
    return Steps(name="campaign", sub_steps=[Step(name="round", template="round", arguments=first)])


def _round() -> Steps:
    """A cycle, and a look whether its query is answered already; the step after that depends on the answer."""
    cycle = TemplateRef(name=CYCLE, template=ONE_CYCLE)
    ingest = TemplateRef(name=CYCLE, template="label-ingest")
    going_on = [Parameter(name="finalize", value="false")]
    finalizing = [Parameter(name="finalize", value="true")]
    labels_from = passed_on(["labels_from"])
    more = f"{NUMBER} < {LIMIT} && {NUMBER} < {MOST_CYCLES}"
    return Steps(
        name="round",
        inputs=[Parameter(name="number"), Parameter(name="labels_from")],
        sub_steps=[
            Step(name="cycle", template_ref=cycle, arguments=[*labels_from, *going_on]),
            Step(name="answered", template_ref=ingest, arguments=[*labels_from, *going_on]),
            [
                Step(
                    name="people",
                    template="people",
                    arguments=passed_on(["number", "labels_from"]),
                    when=f"{ANSWERED} == wait && {more}",
                ),
                Step(
                    name="next",
                    template="round",
                    arguments=[_next_number(), *labels_from],
                    when=f"{ANSWERED} == train && {more}",
                ),
                Step(
                    name="final",
                    template_ref=cycle,
                    arguments=[*labels_from, *finalizing],
                    when=f"{ANSWERED} == done && {{{{workflow.parameters.finalize}}}} == true",
                ),
            ],
        ],
    )


def _people() -> Steps:
    """Wait until somebody resumes the workflow, as a template of its own: no step may refer to one that was skipped."""
    supplied = {name: f"{{{{steps.labels.outputs.parameters.{name}}}}}" for name in SUPPLIED}
    return Steps(
        name="people",
        inputs=[Parameter(name="number"), Parameter(name="labels_from")],
        sub_steps=[
            Step(name="labels", template="wait-for-labels", arguments=passed_on(["labels_from"])),
            Step(
                name="next",
                template="round",
                arguments=[_next_number(), Parameter(name="labels_from", value=supplied["labels_from"])],
                when=f"{supplied['go_on']} == yes",
            ),
        ],
    )


def _wait_for_labels() -> Suspend:
    """Argo takes the defaults when the workflow is resumed without values."""
    return Suspend(
        name="wait-for-labels",
        inputs=[
            Parameter(name="labels_from", description="A label file; empty for the campaign's own source."),
            Parameter(name="go_on", value="yes", enum=["yes", "no"], description="Whether to continue the campaign."),
        ],
        outputs=[
            Parameter(name="labels_from", value_from=ValueFrom(supplied=SuppliedValueFrom(), default=LABELS_FROM)),
            Parameter(name="go_on", value_from=ValueFrom(supplied=SuppliedValueFrom(), default="yes")),
        ],
    )


def _next_number() -> Parameter:
    return Parameter(name="number", value="{{=asInt(inputs.parameters.number) + 1}}")
