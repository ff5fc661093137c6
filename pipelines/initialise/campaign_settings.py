"""What `labelcycle init` can be asked for: each setting once, with its type, bounds, default and description.

The flags of the command, the keys of its YAML file and the arguments of `begin_campaign` all follow from these fields.
"""

import csv
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue

from labelcycle.components.core.campaign.campaign import CropMode, Precision
from labelcycle.components.core.config.settings import Settings
from labelcycle.pipelines.initialise.people_settings import CostSettings, NotifySettings, PeopleSettings


def _three_numbers(value: object) -> object:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        if isinstance(parts, list | tuple) and len(parts) == 3:
            return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{value!r} is not three numbers, such as 0.5,0.5,0.5")


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        lines = [*csv.reader([value], skipinitialspace=True, strict=True)]
    except csv.Error as error:
        raise ValueError(f'{value!r} is not a list of names ({error}). Quote them as in: red,"blue, dark"') from error
    return [part.strip() for line in lines for part in line]


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("is empty; name something, or leave it out")
    return value


Given = Annotated[str, AfterValidator(_not_empty)]
"""A name, path or address; an empty one, as of a shell's unset variable, would mean the working directory."""

Channels = Annotated[tuple[float, float, float], BeforeValidator(_three_numbers)]
"""A number for red, green and blue: a list, or text such as `0.5,0.5,0.5`."""

Names = Annotated[list[str], BeforeValidator(_names)]
"""A list, or text such as `red,green`; a name with a comma stands in double quotes: `red,"blue, dark"`."""


class DataSettings(Settings):
    """Where the samples come from, and what is known about each."""

    model_config = ConfigDict(title="Data")

    images: Given | None = Field(
        None,
        description="Folder or s3:// prefix of image files, of WebDataset shards (.tar) or of .parquet or .arrow "
        "files with images; such a file; a manifest: CSV, JSONL or Parquet (uri,label,split); or datasets:NAME, which "
        "Hugging Face's datasets loads.",
    )
    folder_labels: bool = Field(
        False,
        description="Each folder of images is a class. Beside a folder unlabelled these labels are known already; "
        "without one they play the annotator. Folders train, val and test may stand above.",
    )
    play_annotator: bool = Field(
        False,
        description="Labels that came with the images play the annotator even where some images have none: nothing is "
        "known from the start, and those without a label are never asked for.",
    )
    watch_images: Given | None = Field(
        None,
        description="Folder or s3:// prefix that grows, such as that of --images: each cycle begins with the images "
        "that have come there since.",
    )
    follow_links: bool = Field(False, description="Look for images in folders that are links, too.")
    embeddings: Given | None = Field(
        None,
        description="Instead of images: .parquet (sample_id, feature, label, split) or .npz (ids, features, labels, "
        "splits); labels and splits may be missing.",
    )
    groups: Given | None = Field(
        None, description="CSV file (sample_id,group), such as camera or site, for selector.quotas."
    )
    captions: Given | None = Field(None, description="CSV, JSONL or Parquet (sample_id,caption) of the pool's images.")
    caption_template: str | None = Field(
        None, description='Where a caption is missing and labels are known; by default "a photo of a {class}".'
    )
    domain: str | None = Field(None, description="What the target domain is like, such as snowy; added to captions.")


class LabelSettings(Settings):
    """Where labels come from, and what the model is measured on."""

    model_config = ConfigDict(title="Labels and test set")

    labels_from: Given | None = Field(
        None,
        description="Label file (CSV, XLSX, JSONL, Parquet: sample_id,label) or a folder of them, read at every cycle. "
        "It may hold all labels and play the annotator, or grow while people label. Without it queries are delivered "
        "as CSV to fill in.",
    )
    known_labels: list[Given] = Field(
        [],
        description="Label file, or a folder of them, of samples whose labels are known already: the first cycle "
        "trains on them. May be repeated.",
        json_schema_extra={"repeated": True},
    )
    count_known: bool = Field(False, description="Known labels count in the budget and are paid for.")
    test: Given | None = Field(None, description="Label file of the test set; its samples are never queried.")
    val: Given | None = Field(
        None,
        description="Label file of a validation split, which chooses the best epoch and is never queried.",
    )
    test_share: float | None = Field(
        None,
        ge=0.001,
        le=0.9,
        description="Without --test: share of each class held out as test set; by default a tenth, and of fewer than a "
        "thousand known labels more, up to a quarter.",
    )
    test_from_budget: int | None = Field(
        None,
        ge=0,
        description="Labels of the budget to test with: so many random samples of the pool are asked for "
        "first and never learnt from. By 100 an accuracy of 90 % is known to 6 points either way, by 400 to 3, by "
        "1000 to 2 (95 %). By default, where fewer than 25 test samples are given or can be held out: a quarter of the "
        "budget, but 400 at most, and a quarter of the pool at most. Where that is under 25, as with a budget under "
        "100, there is no test set but a cross-validated estimate, as with 0.",
    )
    drop_leaks: bool = Field(
        False,
        description="Set samples of the pool aside that are nearly the same as a test sample by the embeddings given: "
        "cosine similarity of 0.99 or more. Copies of test files are set aside in any case.",
    )
    classes: Names = Field(
        [],
        description="Class names, comma-separated, in double quotes those with a comma; by default those in the label "
        "files.",
    )
    pool_labels: bool = Field(
        False,
        description="All labels of the pool are known and the selector may read them; recipes that select training "
        "data imply it.",
    )


class MethodSettings(Settings):
    """How samples are chosen and models trained, and how much may be asked."""

    model_config = ConfigDict(title="Method and budget")

    recipe: Given = Field("uherding", description="A name from `labelcycle recipes`, or a YAML file.")
    budget: int = Field(
        500,
        ge=1,
        description="Labels to pay for in the whole campaign. A recipe that selects training data takes a batch a "
        "loop.",
    )
    batch: int | None = Field(
        None, description="Labels a cycle; by default the recipe's number a class, else a tenth of the budget."
    )
    initial: int | None = Field(None, description="Labels of the first query; by default one batch.")
    class_balanced: bool | None = Field(None, description="Ask for equal numbers of each predicted class.")
    recheck: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="Share of all queries that asks again for labels which the model doubts most, blind to the first "
        "answer.",
    )
    exclude: Given | None = Field(None, description="File of ids, one a line, that must not be asked for.")
    include: Given | None = Field(None, description="File of ids, one a line, that must be asked for first.")
    overrides: dict[str, JsonValue] = Field(
        {}, alias="set", description="Change one setting of the recipe, such as trainer.epochs=20."
    )
    seed: int = Field(0, description="Decides every random choice.")
    name: str | None = Field(None, description="The campaign's name; by default the root's last part.")

    @property
    def recipe_changes(self) -> dict[str, JsonValue]:
        """What is laid over the recipe: `overrides`, and the settings of the selector that have a flag, where given."""
        flags = {"selector.class_balanced": self.class_balanced, "selector.recheck": self.recheck}
        return self.overrides | {name: value for name, value in flags.items() if value is not None}


class BackboneSettings(Settings):
    """Which network makes the features."""

    model_config = ConfigDict(title="Backbone")

    text_encoder: Given | None = Field(
        None,
        description="Folder of a transformers text model, installed package that carries one, or owner/model of the "
        "hub.",
    )
    backbone: Given | None = Field(
        None,
        description="A name from `labelcycle backbones`, such as dinov2-small, or any timm vision transformer by "
        "timm's name; by default the one that ships with labelcycle, which is for trying things out: it is weak and "
        "costs accuracy.",
    )
    weights: Given | None = Field(None, description="Its weights: .safetensors file or s3:// URI; else the model hub.")
    precision: Precision = Field(
        "float32", description="What the network computes in; bfloat16 is faster where the chip has it."
    )
    image_size: int | None = Field(None, description="Input pixels; by default those of the preset, or the model's.")
    mean: Channels | None = Field(None, description="Channel means, such as 0.5,0.5,0.5; else the model's.")
    std: Channels | None = Field(None, description="Channel deviations; by default the model's.")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] | None = Field(
        None, description="How images are resized; by default the model's own way."
    )
    crop_share: float | None = Field(
        None, gt=0, le=1, description="Share of the image kept by the centre crop; by default the model's."
    )
    zero_shot: bool = Field(
        False,
        description="Begin with what an image-text backbone, such as siglip2-base, knows of the classes by their "
        "names: they choose the first query and pull the trainer logistic while labels are few.",
    )
    text_tower: Given | None = Field(
        None,
        description="With --zero-shot: folder of the backbone's open_clip model (open_clip_config.json, "
        "open_clip_model.safetensors, tokenizer.json); else the model hub.",
    )
    prompts: list[str] = Field(
        [],
        description='With --zero-shot: a sentence with {class} in it; by default "a photo of a {class}.". May be '
        "repeated: a class is the mean over all.",
        json_schema_extra={"repeated": True},
    )
    crop_mode: CropMode | None = Field(
        None,
        description="What becomes of images that are not square: center cuts the middle out, squash makes both sides "
        "equal; by default the model's own.",
    )


class CampaignSettings(
    DataSettings, LabelSettings, MethodSettings, BackboneSettings, CostSettings, PeopleSettings, NotifySettings
):
    """Everything that the user may say about a new campaign, beside where it will live.

    Paths are relative to the working directory. What depends on the data, the recipe or the network, such as whether
    a batch is larger than the pool, is checked by `begin_campaign`.

    Raises:
        ValidationError: an unknown setting, or a value of another type or outside its bounds.
    """

    model_config = ConfigDict(title="Campaign", strict=True, validate_by_name=True, validate_by_alias=True)


GROUPS: tuple[type[Settings], ...] = (
    DataSettings,
    LabelSettings,
    MethodSettings,
    BackboneSettings,
    CostSettings,
    PeopleSettings,
    NotifySettings,
)
"""In the order in which they are shown to people."""
