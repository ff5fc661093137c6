"""How people label: when a cycle goes on, how votes become a label, and which tool they use."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from labelcycle.components.core.config.settings import Later, Settings

ConsensusMethod = Literal["majority", "crowdlab"]

LINK_HOURS, LONGEST_LINK_HOURS = 24.0, 168.0
"""How long signed links hold: a day, and at most what S3 allows. Runs that read answers renew those of open tasks."""


def _plain_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{address!r} is not an http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError("an address must not hold a name or password; the token comes from LABEL_STUDIO_TOKEN")
    if parts.query or parts.fragment:
        raise ValueError(f"{address!r} has a query or fragment; give the address alone")
    return address.rstrip("/")


Address = Annotated[str, AfterValidator(_plain_address)]


class LabelStudioTool(Settings):
    """A Label Studio server that queries are sent to and answers are read from.

    Attributes:
        url: its address.
        project: the number of a project there; None for one that labelcycle creates, titled by the campaign.
        images: how the tool's users see images: `presigned` makes links into S3 that hold for a time, `direct`
            makes none. Files are shown below `image_server` in either case.
        link_hours: how long presigned links hold, for whoever has them; S3 allows 168 at most.
        image_server: http(s) address under which the pool's image folder is served; needed for files.
        image_endpoint: http(s) address under which browsers reach the object store; None for that of the runs.
        predictions: whether tasks come with the model's class and its probability, which people then see as a
            suggestion. It saves clicks and leads people to agree with the model.
    """

    url: Address
    project: Annotated[int, Field(ge=1)] | None = None
    images: Literal["presigned", "direct"] = "presigned"
    link_hours: Annotated[float, Field(gt=0, le=LONGEST_LINK_HOURS)] = LINK_HOURS
    image_server: Address | None = None
    image_endpoint: Address | None = None
    predictions: Annotated[bool, Later(False)] = False


class Labelling(Settings):
    """When a cycle goes on, and what counts as a label.

    Attributes:
        quorum: votes that make a sample answered.
        share: share of a query that must be answered before the next cycle begins.
        deadline_hours: this long after a query was delivered the next cycle begins with the answers there are,
            if there is one, within ten years; None to wait for `share` however long it takes.
        consensus: how votes become a label: the majority, or CROWDLAB (cleanlab), which weighs annotators and model.
        second_opinions: the largest share of a query that may go to samples whose label is in doubt.
        tool: the labelling tool; None for CSV files.
    """

    quorum: Annotated[int, Field(ge=1)] = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    deadline_hours: Annotated[float, Field(gt=0, le=87_600)] | None = None
    consensus: ConsensusMethod = "majority"
    second_opinions: Annotated[float, Field(ge=0, lt=1)] = 0.0
    tool: LabelStudioTool | None = None

    @property
    def by_several_people(self) -> bool:
        """Whether several people answer about one sample, so that each has to give a name."""
        return self.quorum > 1 or self.second_opinions > 0
