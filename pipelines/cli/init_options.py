"""The options of `labelcycle init`, panel by panel of its help; defaults are in the command's signature."""

from enum import StrEnum
from typing import Annotated

import typer

DATA, LABELS, METHOD, BACKBONE, COST = "Data", "Labels and test set", "Method and budget", "Backbone", "Cost and limits"


class PrecisionName(StrEnum):
    """What the network can compute in."""

    float32 = "float32"
    bfloat16 = "bfloat16"


Images = Annotated[
    str | None, typer.Option(help="Folder or s3:// prefix of JPEG, PNG or WebP files.", rich_help_panel=DATA)
]
Embeddings = Annotated[
    str | None,
    typer.Option(
        help="Instead of images: .parquet (sample_id, feature, label, split) or .npz (ids, features, labels, "
        "splits); labels and splits may be missing.",
        rich_help_panel=DATA,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(help="CSV file (sample_id,group), such as camera or site, for selector.quotas.", rich_help_panel=DATA),
]
Captions = Annotated[
    str | None,
    typer.Option(help="CSV, JSONL or Parquet (sample_id,caption) of the pool's images.", rich_help_panel=DATA),
]
CaptionTemplate = Annotated[
    str | None,
    typer.Option(
        help='Where a caption is missing and labels are known; by default "a photo of a {class}".',
        rich_help_panel=DATA,
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(help="What the target domain is like, such as snowy; added to captions.", rich_help_panel=DATA),
]

LabelsFrom = Annotated[
    str | None,
    typer.Option(
        help="Label file (CSV, JSONL, Parquet: sample_id,label) or a folder of them, read at every cycle. It may hold "
        "all labels and play the annotator, or grow while people label. Without it queries are handed out as CSV to "
        "fill in.",
        rich_help_panel=LABELS,
    ),
]
Test = Annotated[
    str | None,
    typer.Option(help="Label file of the test set; its samples are never queried.", rich_help_panel=LABELS),
]
Val = Annotated[
    str | None,
    typer.Option(
        help="Label file of a validation split, which chooses the best epoch and is never queried.",
        rich_help_panel=LABELS,
    ),
]
TestShare = Annotated[
    float,
    typer.Option(
        min=0.001, max=0.9, help="Without --test: share of each class held out as test set.", rich_help_panel=LABELS
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(help="Class names, comma-separated; by default those in the label files.", rich_help_panel=LABELS),
]
PoolLabels = Annotated[
    bool,
    typer.Option(
        "--pool-labels",
        help="All labels of the pool are known and the selector may read them; recipes that select training data "
        "imply it.",
        rich_help_panel=LABELS,
    ),
]

Recipe = Annotated[
    str,
    typer.Option(help="A name from `labelcycle recipes`, or a YAML file.", rich_help_panel=METHOD),
]
Budget = Annotated[
    int,
    typer.Option(
        min=1,
        help="Labels to pay for in the whole campaign. A recipe that selects training data takes a batch a loop.",
        rich_help_panel=METHOD,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        help="Labels a cycle; by default the recipe's number a class, else a tenth of the budget.",
        rich_help_panel=METHOD,
    ),
]
Initial = Annotated[
    int | None, typer.Option(help="Labels of the first query; by default one batch.", rich_help_panel=METHOD)
]
ClassBalanced = Annotated[
    bool | None,
    typer.Option(help="Ask for equal numbers of each predicted class.", rich_help_panel=METHOD),
]
Exclude = Annotated[
    str | None,
    typer.Option(help="File of ids, one a line, that must not be asked for.", rich_help_panel=METHOD),
]
Include = Annotated[
    str | None,
    typer.Option(help="File of ids, one a line, that must be asked for first.", rich_help_panel=METHOD),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one setting of the recipe, such as trainer.epochs=20.", rich_help_panel=METHOD),
]
Seed = Annotated[int, typer.Option(help="Decides every random choice.", rich_help_panel=METHOD)]
Name = Annotated[
    str | None, typer.Option(help="The campaign's name; by default the root's last part.", rich_help_panel=METHOD)
]

TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="Folder of a transformers text model, installed package that carries one, or owner/model of the hub.",
        rich_help_panel=BACKBONE,
    ),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="Any timm vision transformer by name, such as vit_small_patch14_reg4_dinov2; by default the one that "
        "ships with labelcycle, which is for trying things out: it is weak and costs accuracy.",
        rich_help_panel=BACKBONE,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(help="Its weights: .safetensors file or s3:// URI; else the model hub.", rich_help_panel=BACKBONE),
]
Precision = Annotated[
    PrecisionName,
    typer.Option(
        help="What the network computes in; bfloat16 is faster where the chip has it.", rich_help_panel=BACKBONE
    ),
]
ImageSize = Annotated[
    int | None, typer.Option(help="Input pixels; by default the model's own.", rich_help_panel=BACKBONE)
]
Mean = Annotated[
    str | None, typer.Option(help="Channel means, such as 0.5,0.5,0.5; else the model's.", rich_help_panel=BACKBONE)
]
Std = Annotated[str | None, typer.Option(help="Channel deviations; by default the model's.", rich_help_panel=BACKBONE)]
Interpolation = Annotated[
    str | None,
    typer.Option(help="nearest, bilinear, bicubic or lanczos; else the model's.", rich_help_panel=BACKBONE),
]
CropShare = Annotated[
    float | None, typer.Option(help="Share of the image kept by the centre crop.", rich_help_panel=BACKBONE)
]

LabelPrice = Annotated[float, typer.Option(min=0, help="Price of one annotation.", rich_help_panel=COST)]
AnnotatorsPerLabel = Annotated[
    int | None, typer.Option(min=1, help="Annotations paid for a label; by default the quorum.", rich_help_panel=COST)
]
PriceCpuHour = Annotated[float, typer.Option(min=0, help="Price of an hour of one CPU core.", rich_help_panel=COST)]
PriceGpuHour = Annotated[float, typer.Option(min=0, help="Price of a GPU hour.", rich_help_panel=COST)]
MaxUnreadable = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of unreadable images that is set aside, not refused.", rich_help_panel=COST),
]
