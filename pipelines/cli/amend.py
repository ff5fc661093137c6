"""`labelcycle amend`: change a campaign that has begun, from its next cycle on."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.pipelines.cli.arguments import settings_of

if TYPE_CHECKING:
    from labelcycle.pipelines.amending.amend import Amended


def amend(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    budget: Annotated[
        int | None, typer.Option(help="Labels in all, those that were paid for among them; more, or fewer.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Labels a cycle.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe with the same trainer, by name or file: another way to choose.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the recipe, such as selector.strategy=margin; may be repeated."),
    ] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(help="Whom to tell of what, such as webhook=true or email.to=ann@example.org; may be repeated."),
    ] = None,
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Tell nobody any more.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the amendment as JSON for machines.")] = False,
) -> None:
    """Change a campaign that has begun: its budget, its batches, and how it chooses what to ask for.

    The change is in force from the next cycle on. Cycles before it stay as they are, and can be verified and replayed.
    A campaign whose budget is spent goes on where there is more of it. What was changed, when, by whom and why is kept
    under amendments/ and shown by labelcycle status.

    Example: labelcycle amend campaigns/digits --budget 400 --reason "two more weeks of labelling"
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign

    told = settings_of(notify or [], "--notify")
    wanted = WantedChanges(budget, batch, recipe, settings_of(overrides or []), told, no_notify)
    done = amend_campaign(open_store(root), wanted, reason.strip())
    if as_json:
        print(json.dumps(done.amendment.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        _print(done, root)


def _print(done: "Amended", root: str) -> None:
    from labelcycle.pipelines.amending.changes_in_words import changes_in_words

    for line in changes_in_words(done.before, done.after):
        print(line)
    print(f"in force from cycle {done.cycle} on, unless that cycle has begun; continue with: labelcycle run {root}")
