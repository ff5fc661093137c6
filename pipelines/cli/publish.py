"""`labelcycle publish`: hand the last query out to people, again or for the first time."""

import json
import shlex
import sys
from dataclasses import asdict
from typing import Annotated

import typer


def publish(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Hand the last query out: as tasks in Label Studio, or as a CSV where the campaign has no labelling tool.

    Runs do this by themselves. Call it when the server was away then, when somebody deleted tasks or the project, or to
    renew links to images in S3 before they run out. It may be called at any time and by several at once: what is there
    stays, only what is missing is sent, and no sample is asked about twice.

    The token comes from LABEL_STUDIO_TOKEN, or from the file that LABEL_STUDIO_TOKEN_FILE names.

    Example: LABEL_STUDIO_TOKEN_FILE=token labelcycle publish campaigns/people
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.errors import CampaignError, InputError
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.labelling.delivered_csv import WRITE_AGAIN, lost_its_rows
    from labelcycle.components.labelling.delivery_record import write_delivery_record
    from labelcycle.components.labelling.query_delivery import deliver_query

    store = open_store(root)
    state = read_state(store)
    if not state.commits:
        raise CampaignError(f"{root} has no query yet. Choose the first one with: labelcycle run {shlex.quote(root)}")
    if state.phase != "labelling":
        why = state.why_done if state.phase == "done" else "the next cycle asks for more"
        _print_result({"handed_out": 0}, f"nothing to deliver: {why}", as_json)
        return
    last = state.commits[-1]
    if state.campaign.labelling.tool is None:
        place = deliver_query(store, state.campaign, last)
        if place is not None and lost_its_rows(store, state.campaign, last):
            raise InputError(f"The query of cycle {last.cycle} is in {place}, which holds no rows. {WRITE_AGAIN}")
        _print_result({"place": place}, f"the query of cycle {last.cycle} is in {place}", as_json)
        return
    from labelcycle.components.labelling.label_studio.send_query import publish_query

    published = publish_query(store, state.campaign, last)
    write_delivery_record(store, last.cycle, published.project_url)
    counts = {
        "sent": published.sent,
        "already there": published.present,
        "opened for a further opinion": published.reopened,
        "links renewed": published.renewed,
        "duplicates removed": published.removed,
        "withdrawn samples removed": published.withdrawn,
    }
    shown = ", ".join(f"{count} {what}" for what, count in counts.items() if count or what in ("sent", "already there"))
    _print_result(asdict(published), f"cycle {last.cycle}: {shown}\nlabel here: {published.project_url}", as_json)
    if not as_json:
        print(f"then: labelcycle run {shlex.quote(root)}", file=sys.stderr)


def _print_result(facts: dict[str, object], words: str, as_json: bool) -> None:
    print(json.dumps(facts, indent=2) if as_json else words)
