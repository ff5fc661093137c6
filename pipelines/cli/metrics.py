"""`labelcycle metrics`: a campaign's figures for Prometheus."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError


def metrics(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Write this file, whose name ends in .prom, at once and as a whole; else standard output."),
    ] = None,
    serve: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve them at this port, 0 for any, until Ctrl-C.")
    ] = None,
    host: Annotated[str, typer.Option(help="With --serve: the address to listen at.")] = "127.0.0.1",
    push: Annotated[str | None, typer.Option(help="Push them to a Pushgateway at this address.")] = None,
) -> None:
    """Give where the campaign stands, and what its stages took, as figures that Prometheus reads.

    Prometheus fetches them from --serve, which reads them anew each time; or a timer runs the command with --output for
    the textfile collector of the node exporter, or with --push. Reads what is committed and the last cycles' timings;
    asks no labelling tool and no MLflow.

    Example: labelcycle metrics campaigns/digits --serve 9108
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.metrics.campaign_figures import read_figures
    from labelcycle.pipelines.metrics.exposition import as_text, write_file

    if sum(given is not None for given in (output, serve, push)) > 1:
        raise ConfigurationError("--output, --serve and --push are three ways. Give one of them.")
    store = open_store(root)
    if serve is not None:
        _serve(root, host, serve)
    elif push is not None:
        from labelcycle.pipelines.metrics.serving import push as push_figures

        push_figures(store, push)
    elif output is None:
        print(as_text(read_figures(store)), end="")
    else:
        write_file(read_figures(store), output)


def _serve(root: str, host: str, port: int) -> None:
    from labelcycle.components.core.campaign.campaign import load_campaign
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.metrics.serving import Exporter

    store = open_store(root)
    load_campaign(store)  # a root without a campaign ends here, and not in a log at night
    exporter = Exporter(store, host, port)
    print(f"figures at {exporter.address}", file=sys.stderr, flush=True)
    try:
        exporter.wait()
    finally:
        exporter.close()
