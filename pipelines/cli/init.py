"""`labelcycle init`: begin a campaign."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError

DATA, LABELS, METHOD, BACKBONE, COST = "Data", "Labels and test set", "Method and budget", "Backbone", "Cost and limits"


class PrecisionName(StrEnum):
    """What the network can compute in."""

    float32 = "float32"
    bfloat16 = "bfloat16"


def init(
    root: Annotated[str, typer.Argument(help="Where the campaign will live: a folder or s3://bucket/prefix.")],
    images: Annotated[
        str | None, typer.Option(help="Folder or s3:// prefix of JPEG, PNG or WebP files.", rich_help_panel=DATA)
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(
            help="Instead of images: .parquet (sample_id, feature, label, split) or .npz (ids, features, labels, "
            "splits); labels and splits may be missing.",
            rich_help_panel=DATA,
        ),
    ] = None,
    labels_from: Annotated[
        str | None,
        typer.Option(
            help="Label file (CSV, JSONL, Parquet: sample_id,label) read at every cycle. It may hold all labels and "
            "play the annotator, or grow while people label. Without it queries are handed out as CSV to fill in.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(help="Label file of the test set; its samples are never queried.", rich_help_panel=LABELS),
    ] = None,
    val: Annotated[
        str | None,
        typer.Option(
            help="Label file of a validation split, which chooses the best epoch and is never queried.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    test_share: Annotated[
        float,
        typer.Option(
            min=0.001, max=0.9, help="Without --test: share of each class held out as test set.", rich_help_panel=LABELS
        ),
    ] = 0.1,
    classes: Annotated[
        str | None,
        typer.Option(help="Class names, comma-separated; by default those in the label files.", rich_help_panel=LABELS),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(help="A name from `labelcycle recipes`, or a YAML file.", rich_help_panel=METHOD),
    ] = "linear_probe",
    budget: Annotated[
        int,
        typer.Option(
            min=1,
            help="Labels to pay for in the whole campaign. A recipe that selects training data takes a batch a loop.",
            rich_help_panel=METHOD,
        ),
    ] = 500,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Labels a cycle; by default the recipe's number a class, else a tenth of the budget.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    initial: Annotated[
        int | None, typer.Option(help="Labels of the first query; by default one batch.", rich_help_panel=METHOD)
    ] = None,
    class_balanced: Annotated[
        bool | None,
        typer.Option(help="Ask for equal numbers of each predicted class.", rich_help_panel=METHOD),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(help="File of ids, one a line, that must not be asked for.", rich_help_panel=METHOD),
    ] = None,
    include: Annotated[
        str | None,
        typer.Option(help="File of ids, one a line, that must be asked for first.", rich_help_panel=METHOD),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="CSV file (sample_id,group), such as camera or site, for selector.quotas.", rich_help_panel=DATA
        ),
    ] = None,
    pool_labels: Annotated[
        bool,
        typer.Option(
            "--pool-labels",
            help="All labels of the pool are known and the selector may read them; recipes that select training data "
            "imply it.",
            rich_help_panel=LABELS,
        ),
    ] = False,
    captions: Annotated[
        str | None,
        typer.Option(help="CSV, JSONL or Parquet (sample_id,caption) of the pool's images.", rich_help_panel=DATA),
    ] = None,
    caption_template: Annotated[
        str | None,
        typer.Option(
            help='Where a caption is missing and labels are known; by default "a photo of a {class}".',
            rich_help_panel=DATA,
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(help="What the target domain is like, such as snowy; added to captions.", rich_help_panel=DATA),
    ] = None,
    text_encoder: Annotated[
        str | None,
        typer.Option(
            help="Folder of a transformers text model, installed package that carries one, or owner/model of the hub.",
            rich_help_panel=BACKBONE,
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change one setting of the recipe, such as trainer.epochs=20.", rich_help_panel=METHOD
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides every random choice.", rich_help_panel=METHOD)] = 0,
    name: Annotated[
        str | None, typer.Option(help="The campaign's name; by default the root's last part.", rich_help_panel=METHOD)
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Any timm vision transformer by name; by default the small one that ships with labelcycle.",
            rich_help_panel=BACKBONE,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Its weights: .safetensors file or s3:// URI; else the model hub.", rich_help_panel=BACKBONE),
    ] = None,
    precision: Annotated[
        PrecisionName,
        typer.Option(
            help="What the network computes in; bfloat16 is faster where the chip has it.", rich_help_panel=BACKBONE
        ),
    ] = PrecisionName.float32,
    image_size: Annotated[
        int | None, typer.Option(help="Input pixels; by default the model's own.", rich_help_panel=BACKBONE)
    ] = None,
    mean: Annotated[
        str | None, typer.Option(help="Channel means, such as 0.5,0.5,0.5; else the model's.", rich_help_panel=BACKBONE)
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="Channel deviations; by default the model's.", rich_help_panel=BACKBONE)
    ] = None,
    interpolation: Annotated[
        str | None,
        typer.Option(help="nearest, bilinear, bicubic or lanczos; else the model's.", rich_help_panel=BACKBONE),
    ] = None,
    crop_share: Annotated[
        float | None, typer.Option(help="Share of the image kept by the centre crop.", rich_help_panel=BACKBONE)
    ] = None,
    label_price: Annotated[float, typer.Option(min=0, help="Price of one annotation.", rich_help_panel=COST)] = 1.0,
    annotators_per_label: Annotated[
        int, typer.Option(min=1, help="Annotations paid for a label.", rich_help_panel=COST)
    ] = 1,
    price_cpu_hour: Annotated[
        float, typer.Option(min=0, help="Price of an hour of one CPU core.", rich_help_panel=COST)
    ] = 0.0,
    price_gpu_hour: Annotated[float, typer.Option(min=0, help="Price of a GPU hour.", rich_help_panel=COST)] = 0.0,
    max_unreadable: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of unreadable images that is set aside, not refused.", rich_help_panel=COST
        ),
    ] = 0.05,
) -> None:
    """Begin a campaign: inspect the data, fix the settings, and write ROOT/campaign.json.

    Example: labelcycle init ROOT --images photos --labels-from labels.csv --test test.csv --recipe peal_entropy
    --budget 500 --batch 50
    """
    from labelcycle.pipelines.cli.settings import settings_of
    from labelcycle.pipelines.initialise.campaign import Request, begin_campaign

    overrides = settings_of(setting or [])
    if class_balanced is not None:
        overrides["selector.class_balanced"] = class_balanced
    begun = begin_campaign(
        Request(
            root=root,
            recipe=recipe,
            budget=budget,
            batch=batch,
            images=images,
            embeddings=embeddings,
            labels_from=labels_from,
            test=test,
            val=val,
            test_share=test_share,
            initial=initial,
            classes=[part.strip() for part in classes.split(",")] if classes else [],
            name=name,
            seed=seed,
            backbone=backbone,
            weights=weights,
            precision=precision.value,
            image_size=image_size,
            interpolation=interpolation,
            crop_share=crop_share,
            mean=_channels("--mean", mean),
            std=_channels("--std", std),
            exclude=exclude,
            include=include,
            groups=groups,
            overrides=overrides,
            label_price=label_price,
            annotators_per_label=annotators_per_label,
            price_cpu_hour=price_cpu_hour,
            price_gpu_hour=price_gpu_hour,
            max_unreadable_share=max_unreadable,
            pool_labels=pool_labels,
            captions=captions,
            caption_template=caption_template,
            domain=domain,
            text_encoder=text_encoder,
        )
    )
    counts = ", ".join(f"{count} {split}" for split, count in begun.counts.items() if count)
    verb = "began" if begun.created else "already there, unchanged:"
    print(f"{verb} campaign {begun.campaign.identifier} at {root}: {counts}; {len(begun.campaign.classes)} classes")
    print(f"next: labelcycle run {root}", file=sys.stderr)


def _channels(flag: str, text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigurationError(f"{flag} {text!r} is not three numbers, such as 0.5,0.5,0.5.") from error
    return red, green, blue
