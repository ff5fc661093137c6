"""`labelcycle label`: a page on this machine on which one person labels a query."""

import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from labelcycle.pipelines.label_page.session import LabellingSession


def label(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    annotator: Annotated[str, typer.Option(help="Who labels; must be given where several people label a sample.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 for any free port.")] = 8091,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
) -> None:
    """Label the query of a campaign in the browser, picture by picture, until Ctrl-C or SIGTERM.

    Open the address that it prints. A key answers: digits and letters for the classes, X for unsure, S to skip, U to
    undo; the model's guess is shown when it is asked for, with G. Each answer is written into queries/ of the campaign
    at once, where labelcycle run reads it; what is answered already is not asked again.

    Whoever has the address can see the images and answer. It is new at each start, and reached from this machine alone.

    Example: labelcycle label campaigns/people
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.image_server.server import address_of, listen, serve_until_asked_to_end
    from labelcycle.pipelines.label_page.application import label_application
    from labelcycle.pipelines.label_page.guarded_access import is_loopback, new_token
    from labelcycle.pipelines.label_page.session import LabellingSession
    from labelcycle.pipelines.label_page.what_next import what_next

    store = open_store(root)
    session = LabellingSession(store, root, annotator)
    token = new_token()
    with listen(host, port) as listener:
        application = label_application(store, session, token, host)
        print(_how_far(session), flush=True)
        address = f"{_reached_at(address_of(listener))}/{token}/"
        print(f"open {address} in a browser; Ctrl-C ends it, and every answer is kept", flush=True)
        if not is_loopback(host):
            print(
                "note: other machines reach this port. Whoever has the address can see the images and answer, and "
                "nothing on the way is encrypted",
                file=sys.stderr,
            )
        serve_until_asked_to_end(application, listener, verbose=False)
    to_do = what_next(store, session)
    print("\n".join([_how_far(session), *to_do]))


def _how_far(session: "LabellingSession") -> str:
    """Where the work stands, in words."""
    progress = session.standing.progress
    text = (
        f"{session.queries.campaign.identifier}: {progress.answered} of {progress.asked} samples of cycle "
        f"{progress.cycle}'s query are answered"
    )
    text += f", {progress.earlier} of earlier ones are open" if progress.earlier else ""
    return text + (f", {progress.for_others} are for others to answer" if progress.for_others else "")


def _reached_at(address: str) -> str:
    """An address to open: that of this machine's name where the server listens at all addresses."""
    for anywhere in ("//0.0.0.0:", "//[::]:"):
        address = address.replace(anywhere, f"//{socket.gethostname().lower()}:")
    return address
