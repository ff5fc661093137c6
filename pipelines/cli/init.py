"""`labelcycle init`: begin a campaign."""

import sys
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.init_options import (
    AnnotatorsPerLabel,
    Backbone,
    Batch,
    Budget,
    Captions,
    CaptionTemplate,
    ClassBalanced,
    Classes,
    CropShare,
    Domain,
    Embeddings,
    Exclude,
    Groups,
    Images,
    ImageSize,
    Include,
    Initial,
    Interpolation,
    LabelPrice,
    LabelsFrom,
    MaxUnreadable,
    Mean,
    Name,
    PoolLabels,
    Precision,
    PrecisionName,
    PriceCpuHour,
    PriceGpuHour,
    Recipe,
    Seed,
    Setting,
    Std,
    Test,
    TestShare,
    TextEncoder,
    Val,
    Weights,
)
from labelcycle.pipelines.cli.labelling_options import (
    AnsweredShare,
    Consensus,
    ConsensusName,
    DeadlineHours,
    ImageEndpoint,
    ImageLinkName,
    ImageLinks,
    ImageServer,
    LabelStudio,
    LabelStudioProject,
    LinkHours,
    Quorum,
    SecondOpinions,
)


def init(
    root: Annotated[str, typer.Argument(help="Where the campaign will live: a folder or s3://bucket/prefix.")],
    images: Images = None,
    embeddings: Embeddings = None,
    labels_from: LabelsFrom = None,
    test: Test = None,
    val: Val = None,
    test_share: TestShare = 0.1,
    classes: Classes = None,
    recipe: Recipe = "uherding",
    budget: Budget = 500,
    batch: Batch = None,
    initial: Initial = None,
    class_balanced: ClassBalanced = None,
    exclude: Exclude = None,
    include: Include = None,
    groups: Groups = None,
    pool_labels: PoolLabels = False,
    captions: Captions = None,
    caption_template: CaptionTemplate = None,
    domain: Domain = None,
    text_encoder: TextEncoder = None,
    setting: Setting = None,
    seed: Seed = 0,
    name: Name = None,
    backbone: Backbone = None,
    weights: Weights = None,
    precision: Precision = PrecisionName.float32,
    image_size: ImageSize = None,
    mean: Mean = None,
    std: Std = None,
    interpolation: Interpolation = None,
    crop_share: CropShare = None,
    label_price: LabelPrice = 1.0,
    annotators_per_label: AnnotatorsPerLabel = None,
    price_cpu_hour: PriceCpuHour = 0.0,
    price_gpu_hour: PriceGpuHour = 0.0,
    max_unreadable: MaxUnreadable = 0.05,
    label_studio: LabelStudio = None,
    label_studio_project: LabelStudioProject = None,
    image_links: ImageLinks = ImageLinkName.presigned,
    link_hours: LinkHours = 24,
    image_server: ImageServer = None,
    image_endpoint: ImageEndpoint = None,
    quorum: Quorum = 1,
    answered_share: AnsweredShare = 1.0,
    deadline_hours: DeadlineHours = None,
    consensus: Consensus = ConsensusName.majority,
    second_opinions: SecondOpinions = 0.0,
) -> None:
    """Begin a campaign: inspect the data, fix the settings, and write ROOT/campaign.json.

    Example: labelcycle init ROOT --images photos --labels-from labels.csv --test test.csv --recipe peal_entropy
    --budget 500 --batch 50
    """
    from labelcycle.pipelines.cli.arguments import settings_of
    from labelcycle.pipelines.initialise.campaign import begin_campaign
    from labelcycle.pipelines.initialise.labelling import labelling_of, tool_of
    from labelcycle.pipelines.initialise.request import Request

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
            annotators_per_label=quorum if annotators_per_label is None else annotators_per_label,
            price_cpu_hour=price_cpu_hour,
            price_gpu_hour=price_gpu_hour,
            max_unreadable_share=max_unreadable,
            pool_labels=pool_labels,
            captions=captions,
            caption_template=caption_template,
            domain=domain,
            text_encoder=text_encoder,
            labelling=labelling_of(
                tool=tool_of(
                    label_studio,
                    project=label_studio_project,
                    images=image_links.value,
                    link_hours=link_hours,
                    image_server=image_server,
                    image_endpoint=image_endpoint,
                ),
                quorum=quorum,
                share=answered_share,
                deadline_hours=deadline_hours,
                consensus=consensus.value,
                second_opinions=second_opinions,
            ),
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
