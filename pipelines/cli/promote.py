"""`labelcycle promote`: make a cycle's model the champion, if it holds."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError

if TYPE_CHECKING:
    from labelcycle.components.core.campaign.state import State
    from labelcycle.components.tracking.promoting import Promoted
    from labelcycle.components.tracking.promotion import ClassChange

SHOWN = 10
"""So many classes are shown, those that lose most of what they may lose."""


def promote(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    cycle: Annotated[int | None, typer.Option(help="The cycle whose model it is; by default the last one.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="How much lower its accuracy may be than the champion's.")
    ] = 0.0,
    class_margin: Annotated[
        float,
        typer.Option(min=0, max=1, help="How far any class's recall may fall; classes with few samples get more."),
    ] = 0.05,
    force: Annotated[bool, typer.Option("--force", help="Promote it whatever the gate says. Needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why it is forced, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON for machines.")] = False,
) -> None:
    """Judge a model against the champion on the same test set, and make it champion if it is not worse.

    Its accuracy must not be lower, and no class's recall may fall by more than a margin. Every cycle's model is judged
    so when the cycle is committed; this judges again, by other margins or past the gate. Each judgement is kept.

    Exit codes: 0 it is champion, 1 it was refused.

    Example: labelcycle promote campaigns/digits --tolerance 0.01
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.publish.mlflow_record import record_in_mlflow
    from labelcycle.components.tracking.promoting import promote as promote_model
    from labelcycle.components.tracking.promoting import trained_commits
    from labelcycle.components.tracking.promotion import Gate

    if force != bool(reason.strip()):
        raise ConfigurationError("--force and --reason belong together: say why the model is promoted anyway.")
    store = open_store(root)
    state = read_state(store)
    commits = {commit.cycle: commit for commit in trained_commits(state)}
    wanted = _cycle(state, list(commits), cycle, root)
    gate = Gate(tolerance=tolerance, class_margin=class_margin)
    done = promote_model(store, state, commits[wanted], gate, reason.strip() if force else "")
    record_in_mlflow(root)
    if as_json:
        print(json.dumps(_facts(done), indent=2, ensure_ascii=False))
    else:
        _print(done)
    if done.promotion.outcome == "refused":
        raise typer.Exit(1)


def _cycle(state: "State", trained: list[int], cycle: int | None, root: str) -> int:
    if not trained:
        raise ConfigurationError(
            f"There is nothing to promote: no cycle of {state.campaign.identifier!r} has trained a model yet. "
            f"Continue with: labelcycle run {shlex.quote(root)}"
        )
    if cycle is not None and cycle not in trained:
        raise ConfigurationError(f"Cycle {cycle} has no model. Cycles with one: {', '.join(map(str, trained))}.")
    return trained[-1] if cycle is None else cycle


def _facts(done: "Promoted") -> dict[str, object]:
    return {"already": done.already, **done.promotion.model_dump(mode="json")}


def _print(done: "Promoted") -> None:
    promotion = done.promotion
    cycle = promotion.challenger.cycle
    if done.already:
        print(f"the model of cycle {cycle} is champion already, since {promotion.time}: {promotion.summary}")
        return
    if done.verdict is not None and done.verdict.changes:
        _print_changes(cycle, done.verdict.changes)
    print(f"cycle {cycle} {promotion.summary}")
    if promotion.outcome == "refused":
        print(
            f"cycle {promotion.champion.cycle if promotion.champion else '–'} stays champion; to promote cycle {cycle} "
            'all the same: --force --reason "…"',
            file=sys.stderr,
        )


def _print_changes(cycle: int, changes: "list[ClassChange]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="recall of each class" if len(changes) <= SHOWN else f"recall of the worst {SHOWN} classes")
    table.add_column("class")
    for heading in ("test samples", "champion", f"cycle {cycle}", "change", "allowed"):
        table.add_column(heading, justify="right")
    for change in changes[:SHOWN]:
        table.add_row(
            change.name,
            str(change.support),
            f"{change.before:.4f}",
            f"{change.after:.4f}",
            f"{change.change:+.4f}",
            f"-{change.allowed:.4f}",
            style="red" if change.refused else None,
        )
    Console(width=None).print(table)
