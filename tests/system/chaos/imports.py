"""Everything that stages import, loaded once."""

import importlib
import os
import warnings
from typing import Any

MODULES = (
    *(f"labelcycle.components.{stage}.stage" for stage in ("embed", "evaluate", "label_ingest", "publish", "score")),
    "labelcycle.components.embed.network",
    "labelcycle.components.embed.text_encoder",
    "labelcycle.components.select.stage",
    "labelcycle.components.train_adapter.feature_training",
    "labelcycle.components.train_adapter.final",
    "labelcycle.components.train_adapter.fine_tuning",
    "labelcycle.components.train_adapter.lora",
    "labelcycle.components.train_adapter.selected_data",
    "labelcycle.components.train_adapter.stage",
    "labelcycle.components.core.tracking.promoting",
    "labelcycle.pipelines.initialise.campaign",
    "boto3",
    "cleanlab",
    "peft",
    "timm",
    "transformers",
)


def import_everything() -> None:
    """Import them, so that copies of this process begin at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in MODULES:
            importlib.import_module(name)


def share_s3_client(settings: dict[str, str]) -> None:
    """Let all stores of this process and its copies have one client, because making one takes as long as a stage."""
    from labelcycle.components.core.storage import s3

    os.environ |= settings
    client = s3.s3_client()
    s3.s3_client = lambda: client


def draw_quickly() -> None:
    """Let figures be drawn without a layout and in few dots, since drawing would take half of each trial."""
    from matplotlib.figure import Figure

    draw = Figure.savefig

    def draw_coarsely(figure: Figure, *arguments: Any, **settings: Any) -> None:
        figure.set_layout_engine("none")
        draw(figure, *arguments, **settings, dpi=12)

    Figure.savefig = draw_coarsely
