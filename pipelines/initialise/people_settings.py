"""Settings of a campaign about people: what their labels cost, who they are and when a cycle waits, who is told."""

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from labelcycle.components.core.config.labelling import LINK_HOURS, LONGEST_LINK_HOURS, Address, ConsensusMethod
from labelcycle.components.core.config.settings import Settings


class CostSettings(Settings):
    """What labels and computing cost, in the campaign's own currency, and what is tolerated."""

    model_config = ConfigDict(title="Cost and limits")

    label_price: float = Field(1.0, ge=0, description="Price of one annotation.")
    annotators_per_label: int | None = Field(
        None, ge=1, description="Annotations paid for a label; by default the quorum."
    )
    price_cpu_hour: float = Field(0.0, ge=0, description="Price of an hour of one CPU core.")
    price_gpu_hour: float = Field(0.0, ge=0, description="Price of a GPU hour.")
    max_unreadable: float = Field(
        0.05, ge=0, le=1, description="Share of unreadable images that is set aside, not refused."
    )


class PeopleSettings(Settings):
    """Who labels, and when a cycle goes on."""

    model_config = ConfigDict(title="People who label")

    label_studio: Address | None = Field(
        None,
        description="Address of a Label Studio server: queries are sent there, annotations read from there. The token "
        "comes from LABEL_STUDIO_TOKEN, or the file that LABEL_STUDIO_TOKEN_FILE names.",
    )
    label_studio_project: int | None = Field(
        None, ge=1, description="Number of a project there; by default labelcycle makes one."
    )
    label_studio_predictions: bool = Field(
        False,
        description="Show people the model's class as a suggestion, with its probability; it leads them to agree.",
    )
    image_links: Literal["presigned", "direct"] = Field(
        "presigned", description="How browsers get images in S3: links signed for a time."
    )
    link_hours: float = Field(
        LINK_HOURS, ge=0.1, le=LONGEST_LINK_HOURS, description="How long signed links hold; runs renew them."
    )
    image_server: Address | None = Field(
        None,
        description="Address under which image files are served to browsers, such as that of `labelcycle images`.",
    )
    image_endpoint: Address | None = Field(
        None,
        description="Address under which browsers reach the object store; by default that of the runs "
        "(AWS_ENDPOINT_URL).",
    )
    quorum: int = Field(1, ge=1, description="People whose answers a sample needs to count as answered.")
    answered_share: float = Field(
        1.0,
        ge=0.001,
        le=1,
        description="Share of a query that must be answered before the next cycle begins; later answers join a later "
        "cycle.",
    )
    deadline_hours: float | None = Field(
        None,
        gt=0,
        le=87_600,
        description="This long after a query was delivered continue with the answers there are, if there is one.",
    )
    consensus: ConsensusMethod = Field(
        "majority",
        description="How several answers become a label: the majority, or CROWDLAB, which weighs annotators and the "
        "model.",
    )
    second_opinions: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="Largest share of a query that may go to samples whose label is in doubt, for somebody else to "
        "answer.",
    )


class NotifySettings(Settings):
    """Who is told when labels are awaited, when the campaign ends, and when a cycle fails."""

    model_config = ConfigDict(title="Being told")

    notify: dict[str, JsonValue] = Field(
        {},
        description="Tell people of labels awaited, a target met, the end of the campaign and failed cycles: "
        "webhook=true, to the address in LABELCYCLE_WEBHOOK_URL; email.to=, email.sender= and email.host= for mails; "
        "target_accuracy=0.9; events= for some of labels_awaited, target_met, budget_spent, campaign_stopped, "
        "cycle_failed.",
    )
