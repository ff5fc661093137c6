"""`labelcycle predict`: classify new images by the campaign's champion."""

import sys
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.arguments import absolute

BATCH = 64


def predict(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    output: Annotated[str, typer.Option(help="The file to write: .csv or .parquet, a path or s3:// URI.")],
    images: Annotated[
        str, typer.Option(help="A folder, an s3:// prefix, one image, or a .txt file with an image a line.")
    ] = "",
    embeddings: Annotated[
        str, typer.Option(help="An .npz or .parquet file, where the campaign was started with embeddings.")
    ] = "",
    pool: Annotated[
        bool, typer.Option("--pool", help="Classify the campaign's pool, by the features that it has.")
    ] = False,
    resumable: Annotated[
        bool, typer.Option("--resumable", help="Keep the parts of --images in the campaign, to go on after a kill.")
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a forward pass.")] = BATCH,
    top: Annotated[int, typer.Option(min=1, help="How many classes of each image to list, the likeliest first.")] = 1,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write a column a class to CSV too. Parquet has them all.")
    ] = False,
    cycle: Annotated[int | None, typer.Option(help="Use the model of this cycle instead of the champion.")] = None,
    final: Annotated[bool, typer.Option("--final", help="Use the final model instead of the champion.")] = False,
) -> None:
    """Classify new images and write what the champion says of each, with its confidence.

    Images that cannot be read are listed with the reason. The file appears when it is complete. Predictions of --pool
    stay in the campaign as parts, and the same again makes none that is there.

    Example: labelcycle predict campaigns/digits --images new-images --output predictions.csv
    """
    from labelcycle.pipelines.models.choice import choose_model
    from labelcycle.pipelines.models.predict import predict_embeddings, predict_images

    if [bool(images), bool(embeddings), pool].count(True) != 1:
        raise ConfigurationError("Name what to classify: either --images or --embeddings, or --pool.")
    if resumable and not images:
        raise ConfigurationError("--resumable is for --images. Leave it out: predictions of --pool always are.")
    if pool or resumable:
        _refuse_what_parts_have_not(output, batch_size, top, probabilities)
    chosen = choose_model(root, cycle, final)
    if pool or resumable:
        from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts

        model = str(cycle) if cycle is not None else "final" if final else "champion"
        made = predict_in_parts(root, absolute(images), model, output, top, probabilities)
        predicted = made.samples - made.unreadable
    elif images:
        predicted = predict_images(chosen, images, output, batch_size, top, probabilities).predicted
    else:
        predicted = predict_embeddings(chosen, embeddings, output, top, probabilities).predicted
    what, measured = "image" if images else "sample", chosen.metrics.accuracy_in_words
    print(f"{predicted} {what}{'' if predicted == 1 else 's'} classified by {chosen.title}, {measured}")
    print(f"predictions: {output}", file=sys.stderr)


def _refuse_what_parts_have_not(output: str, batch_size: int, top: int, probabilities: bool) -> None:
    """Parts have the same bytes whoever makes them, and all probabilities."""
    if batch_size != BATCH:
        raise ConfigurationError(
            f"Parts of predictions are made with {BATCH} images a forward pass. Leave out --batch-size."
        )
    if output.lower().endswith(".parquet") and (top > 1 or probabilities):
        raise ConfigurationError(
            "--top and --probabilities are for CSV here: Parquet has the probabilities of all classes. Leave them out."
        )
