"""`labelcycle metrics`: a campaign's figures for Prometheus."""

from pathlib import Path
from typing import Annotated

import typer


def metrics(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Write this file, whose name ends in .prom, at once and as a whole; else standard output."),
    ] = None,
) -> None:
    """Write where the campaign stands, and what its stages took, as figures that Prometheus reads.

    Meant for the textfile collector of Prometheus' node exporter, from a timer. Reads what is committed and the last
    cycles' timings; asks no labelling tool and no MLflow.

    Example: labelcycle metrics campaigns/digits --output /var/lib/node_exporter/digits.prom
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.metrics.campaign_figures import read_figures
    from labelcycle.pipelines.metrics.exposition import as_text, write_file

    figures = read_figures(open_store(root))
    if output is None:
        print(as_text(figures), end="")
    else:
        write_file(figures, output)
