"""`labelcycle autolabel`: label the rest by machine, with a certificate of the error."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import WAITING_FOR_LABELS
from labelcycle.pipelines.cli.arguments import absolute

if TYPE_CHECKING:
    from labelcycle.pipelines.autolabel.autolabel_records import AutolabelPlan, Certificate


def autolabel(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    error: Annotated[float, typer.Option(help="The share of wrong labels that is claimed, at most: 0.02 for 2 %.")],
    confidence: Annotated[float, typer.Option(help="The confidence of the claim.")] = 0.95,
    audit: Annotated[
        int | None, typer.Option(min=1, help="Samples that people look at in each step; else chosen, and told.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=20, help="Shares to try at most, each smaller than the last.")] = 3,
    labels_from: Annotated[str, typer.Option(help="Read the audit's answers from this label file.")] = "",
    output: Annotated[str, typer.Option(help="Folder for labels.parquet, certificate.json and share.png.")] = "",
    model: Annotated[
        str, typer.Option(help="champion, final, or the number of a cycle; else the plan's, at first the champion.")
    ] = "",
    anew: Annotated[bool, typer.Option("--anew", help="Begin another plan, with an audit of its own.")] = False,
) -> None:
    """Label by machine what people were not asked about, as far as an audit by people proves the labels right.

    Says first how many samples people are to look at, and writes a CSV of them, to be filled in. Call it again with the
    same options once they have answered. It ends with 3 while answers are awaited, and with 1 where no share is proved.

    Example: labelcycle autolabel campaigns/digits --error 0.02 --output campaigns/digits-labels
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.autolabel.certified_labels import check_folder, write_certified_labels
    from labelcycle.pipelines.autolabel.protocol import Claim
    from labelcycle.pipelines.autolabel.protocol import autolabel as go_on

    if output:
        check_folder(output)
    found = go_on(root, Claim(error, confidence, audit, steps), absolute(labels_from), model, anew)
    if found.began:
        _print_plan(found.plan)
    if found.certificate is None:
        elsewhere = "" if found.asked == found.source else f"; none of them has an answer in {found.source}"
        print(
            f"waiting for labels: {found.awaited} samples of step {found.step + 1}, in {found.asked}{elsewhere}",
            file=sys.stderr,
        )
        print("fill them in there, or deliver a file with --labels-from, and run again", file=sys.stderr)
        raise typer.Exit(WAITING_FOR_LABELS)
    _print_certificate(found.certificate)
    if output:
        store = open_store(root)
        written = write_certified_labels(store, read_state(store).campaign, found.plan, found.certificate, output)
        if written:
            print(f"{written} labels: {output.rstrip('/')}/labels.parquet", file=sys.stderr)
    elif found.certificate.step is not None:
        print("for a folder of the labels call it again with --output FOLDER", file=sys.stderr)
    if found.certificate.step is None:
        raise typer.Exit(1)


def _print_plan(plan: "AutolabelPlan") -> None:
    """What people will be asked, before they are."""
    known = {
        "test": f"calibrated on {plan.calibrated_with} test samples",
        "labels": f"calibrated by cross-validation of {plan.calibrated_with} labels",
    }.get(plan.calibrated_on, "not calibrated: there is no test set")
    print(f"{plan.unlabelled} samples without a label of people; model of cycle {plan.model_cycle}, {known}")
    for number, step in enumerate(plan.steps, 1):
        print(
            f"step {number}: {step.samples} samples ({step.samples / plan.pool:.1%} of the pool), expected error "
            f"{step.expected_error:.2%}; people audit {step.audited}, and may find {_counted(step.allowed, 'fault')}"
        )


def _print_certificate(certificate: "Certificate") -> None:
    for outcome in certificate.outcomes:
        end = f"error at most {outcome.bound:.2%}" if outcome.bound < 1 else "given up"
        print(f"step {outcome.step + 1}: {_counted(outcome.faults, 'fault')} among {outcome.audited} answers, {end}")
    claim = f"error of at most {certificate.error:.2%} at {certificate.level:.0%} confidence"
    if certificate.step is None:
        print(
            f"no share is certified for an {claim}. Label more and begin anew (--anew), audit more (--audit, --anew), "
            "or raise --error."
        )
        return
    print(f"certified: {certificate.samples} samples ({certificate.share:.1%} of the pool), {claim}")
    if certificate.earlier_plans:
        print(
            f"plan {certificate.earlier_plans + 1} of this campaign: each plan had its own risk of a wrong certificate"
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
