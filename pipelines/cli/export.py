"""`labelcycle export`: a model as one file for use elsewhere."""

import sys
from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """What models can be exported to."""

    onnx = "onnx"


def export(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    output: Annotated[str, typer.Option(help="The folder for model.onnx, labels.json and model_card.json.")],
    format: Annotated[Format, typer.Option(help="The model's format.")] = Format.onnx,
    cycle: Annotated[int | None, typer.Option(help="Export the model of this cycle instead of the champion.")] = None,
    final: Annotated[bool, typer.Option("--final", help="Export the final model instead of the champion.")] = False,
) -> None:
    """Write the champion as one model from pixels to probabilities, and try it on images of the campaign.

    Normalisation, backbone, adapter and head are merged; batches may have any size. The files are kept only if ONNX
    Runtime names the same classes as labelcycle, with the same probabilities to 0.001. Campaigns on embeddings export a
    model on features. Needs: pip install "labelcycle[export]"

    Example: labelcycle export campaigns/digits --output digits-model
    """
    from labelcycle.pipelines.models.choice import choose_model
    from labelcycle.pipelines.models.export import export_model

    del format
    chosen = choose_model(root, cycle, final)
    done = export_model(chosen, output)
    print(f"exported {chosen.title}, {chosen.metrics.accuracy_in_words}")
    print(
        f"tried on {done.parity.samples} samples: the same classes, probabilities differ by "
        f"{done.parity.difference:.1e} at most"
    )
    for file in done.files:
        print(file, file=sys.stderr)
