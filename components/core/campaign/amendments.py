"""Amendments: what people changed of a campaign after it began, and why. Each is in force from the next cycle on.

They are numbered from 0 and written once each, by conditional writes: of two at once one comes first, and the other has
to look again. Each names the digest of the one before, the first that of the campaign's description, so that one which
was changed or lost is noticed. A decision names the newest one of its time, so that every cycle can be verified and
replayed as it was.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from pydantic import Field, JsonValue, ValidationError

from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.config.settings import Later, Settings
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import RESTORE, ObjectReference, sealed, unsealed

FOLDER = "amendments"

AMENDABLE = (
    *("budget", "batch", "recipe", "classes", "former_classes", "zero_shot", "prices"),
    *("pool", "truth", "quarantine", "labels_from", "withdrawn", "test_from_budget", "watch_images", "notify"),
)
"""What of a campaign's description can be amended."""


class Amendment(Settings):
    """One change.

    Attributes:
        number: its place among the amendments, from 0.
        previous: the digest of the amendment before, or of the campaign's description.
        time: when, ISO 8601 in UTC. The order is that of the numbers.
        by: who asked for it.
        reason: why, in the person's words; may be empty.
        cycles: how many cycles were committed then.
        changes: new values of the campaign's description, by name, each as a whole.
        counts: how many samples it concerns, by what became of them, for people.
    """

    number: Annotated[int, Field(ge=0)]
    previous: str
    time: str
    by: str
    reason: str
    cycles: Annotated[int, Field(ge=0)]
    changes: dict[str, JsonValue]
    counts: Annotated[dict[str, int], Later({})] = {}

    def as_bytes(self) -> bytes:
        """The content of the object."""
        return sealed(self.model_dump(mode="json"))

    @property
    def reference(self) -> ObjectReference:
        """The object, as decisions name it."""
        return ObjectReference(key=amendment_key(self.number), sha256=digest_of_bytes(self.as_bytes()))


@dataclass(frozen=True)
class AmendedCampaign:
    """A campaign with its amendments.

    Attributes:
        begun: as it began.
        amendments: in their order.
        campaign: as it is with all of them; its identifier is that of `begun`.
    """

    begun: Campaign
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def campaign(self) -> Campaign:
        """The campaign as it is with all amendments."""
        return self.versions[-1]

    @property
    def newest(self) -> ObjectReference | None:
        """The last amendment; None where there is none."""
        return self.amendments[-1].reference if self.amendments else None

    @property
    def digest(self) -> str:
        """What the next amendment has to name as the one before."""
        return self.newest.sha256 if self.newest is not None else digest_of_bytes(self.begun.as_bytes())

    def as_of(self, reference: ObjectReference | None) -> Campaign:
        """The campaign as it was when this amendment was the newest.

        Raises:
            CampaignError: there is no such amendment.
        """
        if reference is None:
            return self.begun
        for count, amendment in enumerate(self.amendments, start=1):
            if amendment.reference == reference:
                return self.versions[count]
        raise CampaignError(f"{reference.key} is not the amendment that a cycle was decided by. {RESTORE}")

    @cached_property
    def versions(self) -> list[Campaign]:
        """The campaign as it began, and with each amendment."""
        campaigns = [self.begun]
        for amendment in self.amendments:
            campaigns.append(campaigns[-1].amended(amendment.changes))
        return campaigns


def amendment_key(number: int) -> str:
    """Where an amendment is; names sort like numbers."""
    return f"{FOLDER}/{number:06d}.json"


def read_amended_campaign(store: Store, begun: Campaign | None = None) -> AmendedCampaign:
    """The campaign at the store's root, with its amendments.

    Args:
        store: the campaign's.
        begun: its description, where it was read already.

    Raises:
        CampaignError: there is no campaign; or an amendment is missing, damaged, of a newer labelcycle, or not the one
            that the next follows on.

    Cost: a listing, and a small read for each amendment, several at once.
    """
    begun = load_campaign(store) if begun is None else begun
    numbers = [
        int(found[1]) for key in store.keys(f"{FOLDER}/") if (found := re.fullmatch(rf"{FOLDER}/(\d{{6}})\.json", key))
    ]
    amendments: list[Amendment] = []
    for amendment in concurrently(lambda number: _read(store, number), range(max(numbers, default=-1) + 1)):
        before = AmendedCampaign(begun, amendments)
        if amendment.previous != before.digest:
            raise CampaignError(
                f"{store.locate(amendment_key(amendment.number))} does not follow what was before it: one of the two "
                "was changed. Restore both from a backup."
            )
        amendments = [*amendments, amendment]
    amended = AmendedCampaign(begun, amendments)
    try:
        _ = amended.campaign
    except ValueError as error:
        raise CampaignError(f"The amendments of {store.root} make no campaign. {RESTORE}") from error
    return amended


def append_amendment(store: Store, amendment: Amendment) -> bool:
    """Write an amendment at its number. Returns False where another one has it: then look again, after that one."""
    return store.write_if_absent(amendment_key(amendment.number), amendment.as_bytes())


def _read(store: Store, number: int) -> Amendment:
    address = store.locate(amendment_key(number))
    try:
        amendment = Amendment.model_validate(unsealed(store.read(amendment_key(number)), address, "an amendment"))
    except FileNotFoundError as error:
        raise CampaignError(f"{address} is missing although a later one is there. {RESTORE}") from error
    except ValidationError as error:
        raise CampaignError(f"{address} is not an amendment. {RESTORE}") from error
    if amendment.number != number:
        raise CampaignError(f"{address} is the amendment of number {amendment.number}. {RESTORE}")
    if unknown := sorted(amendment.changes.keys() - set(AMENDABLE)):
        raise CampaignError(
            f"{address} changes {', '.join(unknown)}, which this labelcycle cannot amend. Upgrade labelcycle."
        )
    return amendment
