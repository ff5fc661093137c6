"""`labelcycle backtest`: which strategy would have saved the most labels?"""

import json
import sys
from typing import Annotated

import typer

from labelcycle.pipelines.cli.arguments import absolute, settings_of

HISTORY, COMPARED, SIZE, COST, OUTPUT = "Labelled history", "What is compared", "Size", "Cost", "Output"
WIDTH = 120
"""Columns of the table where no terminal says how many it has."""


def backtest(
    root: Annotated[
        str | None,
        typer.Argument(help="A campaign whose labels so far are the history: a folder or s3://bucket/prefix."),
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(
            help="Instead of a campaign: .parquet (sample_id, feature, label, split) or .npz (ids, features, labels, "
            "splits), as for `labelcycle init`.",
            rich_help_panel=HISTORY,
        ),
    ] = None,
    labels_from: Annotated[
        str, typer.Option(help="Label file (CSV, JSONL, Parquet) with further labels.", rich_help_panel=HISTORY)
    ] = "",
    test_share: Annotated[
        float,
        typer.Option(
            min=0.001, max=0.9, help="Where embeddings have no test split: share held out.", rich_help_panel=HISTORY
        ),
    ] = 0.1,
    split_seed: Annotated[int, typer.Option(help="Decides what is held out.", rich_help_panel=HISTORY)] = 0,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            help="Comma-separated, parameters after a colon: random,entropy:class_balanced=true. By default all that "
            "can run on features alone. random is always among them.",
            rich_help_panel=COMPARED,
        ),
    ] = None,
    cold_start: Annotated[
        str,
        typer.Option(
            help="Strategy of the first query of all arms; `own`: each its own, where it needs no model.",
            rich_help_panel=COMPARED,
        ),
    ] = "random",
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Whose trainer and schedule are used: a name from `labelcycle recipes`, or a YAML file. By default "
            "the campaign's, or uherding.",
            rich_help_panel=COMPARED,
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change one setting of the recipe, such as trainer.epochs=20.", rich_help_panel=COMPARED
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Repetitions of each strategy; bands need 2 or more.", rich_help_panel=SIZE)
    ] = 5,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Labels a cycle; by default the campaign's, or 50.", rich_help_panel=SIZE),
    ] = None,
    initial: Annotated[
        int | None, typer.Option(min=1, help="Labels of the first query; by default one batch.", rich_help_panel=SIZE)
    ] = None,
    cycles: Annotated[
        int | None,
        typer.Option(min=2, help="Trained cycles; by default 10, or what the pool allows.", rich_help_panel=SIZE),
    ] = None,
    label_price: Annotated[
        float | None,
        typer.Option(min=0, help="Price of one annotation; by default the campaign's, or 1.", rich_help_panel=COST),
    ] = None,
    annotators_per_label: Annotated[
        int | None,
        typer.Option(min=1, help="Annotations paid for a label; else the campaign's, or 1.", rich_help_panel=COST),
    ] = None,
    compute_price: Annotated[
        float | None,
        typer.Option(min=0, help="Price of an hour of one CPU core; else the campaign's, or 0.", rich_help_panel=COST),
    ] = None,
    out: Annotated[
        str, typer.Option(help="Folder or s3://bucket/prefix for results.", rich_help_panel=OUTPUT)
    ] = "backtest",
    mlflow: Annotated[bool, typer.Option(help="Record the backtest in MLflow.", rich_help_panel=OUTPUT)] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.", rich_help_panel=OUTPUT)] = False,
    plan_only: Annotated[
        bool,
        typer.Option(
            "--plan-only",
            help="Write the plan, print the parameters that the compiled pipeline takes as JSON, and run nothing.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
) -> None:
    """Replay labelled history with several strategies, and show which would have saved the most labels.

    Every strategy runs a campaign from the same start with each seed, and learns only the labels it asks for. Results
    go to --out; arms that are done are kept, so a backtest that was stopped continues where it stopped.

    Example: labelcycle backtest --embeddings features.npz --strategies random,entropy,coreset --batch 50 --cycles 10
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.backtest.backtest_plan import write_plan
    from labelcycle.pipelines.backtest.local import run_backtest
    from labelcycle.pipelines.backtest.prepare import BacktestRequest, prepare
    from labelcycle.pipelines.backtest.report import CURVES, SUMMARY

    out = absolute(out)
    plan = prepare(
        BacktestRequest(
            out=out,
            root=root,
            embeddings=embeddings,
            labels_from=labels_from,
            test_share=test_share,
            split_seed=split_seed,
            strategies=strategies or [],
            seeds=seeds,
            initial=initial,
            batch=batch,
            cycles=cycles,
            cold_start=cold_start,
            recipe=recipe,
            overrides=settings_of(setting or []),
            label_price=label_price,
            annotators_per_label=annotators_per_label,
            compute_price=compute_price,
        )
    )
    sizes = f"{plan.cycles} cycles, {plan.labels[0]} to {plan.labels[-1]} labels"
    print(f"{len(plan.compared)} strategies × {plan.seeds} seeds, {sizes}", file=sys.stderr)
    if plan_only:
        arms = [arm.name for arm in plan.arms()]
        print(json.dumps({"root": out, "plan": write_plan(open_store(out), plan), "arms": arms}))
        return
    found = run_backtest(out, plan, absolute(root or out) if mlflow else "")
    if as_json:
        print(json.dumps(found.as_facts(), indent=2))
    else:
        from rich.console import Console

        from labelcycle.pipelines.backtest.leaderboard_table import as_rich, notes

        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDTH)
        console.print(as_rich(found))
        print("\n".join(notes(found)))
        print(found.verdict)
    store = open_store(out)
    print(f"curves: {store.locate(CURVES)}\nsummary: {store.locate(SUMMARY)}", file=sys.stderr)
    for failure in found.failures:
        print(f"error: {failure.arm}: {failure.error}", file=sys.stderr)
    if found.failures:
        raise typer.Exit(1)
