"""`labelcycle init`: begin a campaign."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def init(
    context: typer.Context,
    root: Annotated[str, typer.Argument(help="Where the campaign will live: a folder or s3://bucket/prefix.")],
    config: Annotated[
        str | None,
        typer.Option(help="YAML file of settings, named as the flags below with _ for -; flags beside it win."),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option("--print-config", help="Print such a file of all settings, with those given, and do no more."),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be read, held out, asked and paid, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --plan: print JSON for machines.")] = False,
    **_: Any,
) -> None:
    """Begin a campaign: inspect the data, fix the settings, and write ROOT/campaign.json.

    Example: labelcycle init ROOT --images photos --labels-from labels.csv --test test.csv --recipe peal_entropy
    --budget 500 --batch 50
    """
    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.pipelines.cli.init_options import given
    from labelcycle.pipelines.initialise.begin import begin_campaign
    from labelcycle.pipelines.initialise.settings_file import printed, settings_of_campaign

    settings = settings_of_campaign(given(context), None if config is None else Path(config))
    if print_config:
        print(printed(settings), end="")
        return
    if as_json and not plan:
        raise ConfigurationError("--json prints a plan. Give --plan, or leave it out.")
    if plan:
        from labelcycle.pipelines.initialise.plan import plan_campaign

        planned = plan_campaign(root, settings)
        print(json.dumps(planned.as_facts(), indent=2) if as_json else "\n".join(planned.lines()))
        return
    begun = begin_campaign(root, settings)
    counts = ", ".join(f"{count} {split}" for split, count in begun.counts.items() if count)
    verb = "began" if begun.created else "already there, as it began:" if begun.amended else "already there, unchanged:"
    print(f"{verb} campaign {begun.campaign.identifier} at {root}: {counts}; {len(begun.campaign.classes)} classes")
    if begun.amended:
        print(
            f"note: it was amended since; how it stands now says labelcycle status {shlex.quote(root)}", file=sys.stderr
        )
    print(f"next: labelcycle run {shlex.quote(root)}", file=sys.stderr)
