"""`labelcycle replay`: whether the query of a past cycle comes out the same."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from labelcycle.pipelines.replay.replay import Replay


def replay(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    cycle: Annotated[int, typer.Option(min=0, help="The committed cycle whose query is chosen again.")],
    shards: Annotated[int, typer.Option(min=1, help="Parts that the scoring is split into.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Choose the query of a past cycle again, from what is stored, and say whether it is identical. Changes nothing.

    The pool is scored with the model of that cycle, and the strategy chooses again. The exit code is 1 where other
    samples come out; the same samples with other figures, as another kind of processor computes them, are reported. A
    query of another version of the strategy than this labelcycle has is not comparable; that is noted, and is no fault:
    the exit code is 0. Replay it with the labelcycle that made it.
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.replay.replay import replay_selection

    result = replay_selection(open_store(root), cycle, shards)
    print(json.dumps(asdict(result), indent=2) if as_json else _in_words(result))
    if result.agreement == "different":
        print("other processors or libraries may compute other scores; labelcycle verify names damage", file=sys.stderr)
        raise typer.Exit(1)


def _in_words(result: "Replay") -> str:
    if result.agreement == "erased":
        return (
            f"erased: samples that cycle {result.cycle} chose from are gone, so its query cannot be chosen again; what "
            "it asked for of the others is as it was"
        )
    if result.agreement == "not_comparable":
        return (
            f"not comparable: cycle {result.cycle} was made by version {result.made_by} of {result.strategy}; this "
            f"labelcycle has version {result.present}"
        )
    what = f"cycle {result.cycle}, {result.strategy}: {len(result.chosen)} samples"
    never = "" if result.asked else "; they were never asked for, since the stop rule ended the campaign there"
    if result.agreement == "identical":
        return f"identical: {what}, every figure to the last bit{never}"
    if result.agreement == "same_samples":
        return f"the same samples in the same order, but with another {', '.join(result.columns)}: {what}{never}"
    common = len(set(result.chosen) & set(result.again))
    return f"different: {what}, of which {common} come again; the first difference is at rank {result.first_difference}"
