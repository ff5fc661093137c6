"""Everything that stages import, loaded once."""

import importlib
import os
import warnings
from collections.abc import Iterable

from tests.harness.chaos.workloads import Workload

ALWAYS = (
    *(f"labelcycle.components.{stage}.stage" for stage in ("embed", "evaluate", "label_ingest", "publish", "score")),
    "labelcycle.components.select.stage",
    "labelcycle.components.train_adapter.feature_training",
    "labelcycle.components.train_adapter.stage",
    "labelcycle.components.tracking.promoting",
    "labelcycle.pipelines.initialise.begin",
    "boto3",
    "cleanlab",
)

ON_IMAGES = (
    "labelcycle.components.embed.embedding_network",
    "labelcycle.components.train_adapter.fine_tuning",
    "labelcycle.components.train_adapter.fine_tuning",
    "labelcycle.components.train_adapter.lora",
    "peft",
    "timm",
)

WITH_CAPTIONS = (
    "labelcycle.components.embed.captions",
    "labelcycle.components.train_adapter.selected_data",
    "transformers",
)


def import_everything(workloads: Iterable[Workload]) -> None:
    """Import what these campaigns need, so that copies of this process begin at once."""
    chosen = [*workloads]
    names = [*ALWAYS]
    names += ON_IMAGES if any(one.on != "embeddings" for one in chosen) else ()
    names += WITH_CAPTIONS if any(one.captions for one in chosen) else ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            importlib.import_module(name)


def share_s3_client(settings: dict[str, str]) -> None:
    """Let all stores of this process and its copies have one client, because making one takes as long as a stage."""
    from labelcycle.components.core.storage import s3, s3_connection

    os.environ |= settings
    client = s3_connection.s3_client()
    s3.s3_client = s3_connection.s3_client = lambda: client


def draw_quickly() -> None:
    """Let figures be drawn without a layout and in few dots, since drawing would take half of each trial."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from tests.blank_figures import coarsely

    FigureCanvasAgg.print_png = coarsely()
