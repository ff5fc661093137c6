"""The flags of `labelcycle init` about who labels and when a cycle goes on."""

from enum import StrEnum
from typing import Annotated

import typer

WHO = "People who label"


class ConsensusName(StrEnum):
    """How votes become a label."""

    majority = "majority"
    crowdlab = "crowdlab"


class ImageLinkName(StrEnum):
    """How the labelling tool's users see images."""

    presigned = "presigned"
    direct = "direct"


LabelStudio = Annotated[
    str | None,
    typer.Option(
        help="Address of a Label Studio server: queries are sent there, annotations read from there. The token comes "
        "from LABEL_STUDIO_TOKEN, or the file that LABEL_STUDIO_TOKEN_FILE names.",
        rich_help_panel=WHO,
    ),
]
LabelStudioProject = Annotated[
    int | None,
    typer.Option(min=1, help="Number of a project there; by default labelcycle makes one.", rich_help_panel=WHO),
]
ImageLinks = Annotated[
    ImageLinkName,
    typer.Option(help="How browsers get images in S3: links signed for a time.", rich_help_panel=WHO),
]
LinkHours = Annotated[
    float, typer.Option(min=0.1, max=168, help="How long signed links hold; runs renew them.", rich_help_panel=WHO)
]
ImageServer = Annotated[
    str | None,
    typer.Option(
        help="Address under which image files are served to browsers, such as that of `labelcycle images`.",
        rich_help_panel=WHO,
    ),
]
ImageEndpoint = Annotated[
    str | None,
    typer.Option(
        help="Address under which browsers reach the object store; by default that of the runs (AWS_ENDPOINT_URL).",
        rich_help_panel=WHO,
    ),
]
Quorum = Annotated[
    int, typer.Option(min=1, help="People whose answers a sample needs to count as answered.", rich_help_panel=WHO)
]
AnsweredShare = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=1,
        help="Share of a query that must be answered before the next cycle begins; later answers join a later cycle.",
        rich_help_panel=WHO,
    ),
]
DeadlineHours = Annotated[
    float | None,
    typer.Option(
        help="This long after a query was handed out go on with the answers there are, if there is one.",
        rich_help_panel=WHO,
    ),
]
Consensus = Annotated[
    ConsensusName,
    typer.Option(
        help="How several answers become a label: the majority, or CROWDLAB, which weighs annotators and the model.",
        rich_help_panel=WHO,
    ),
]
SecondOpinions = Annotated[
    float,
    typer.Option(
        min=0,
        max=0.9,
        help="Largest share of a query that may go to samples whose label is in doubt, for somebody else to answer.",
        rich_help_panel=WHO,
    ),
]
