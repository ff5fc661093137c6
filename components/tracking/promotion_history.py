"""The history of promotions in the campaign's own store: who became champion, when, why, and who was refused.

Records are numbered from 0 and written once each, by conditional writes: of two at once one comes first, and the other
judges again. Each record has the digest of the one before, so that a record which was changed or lost is noticed.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import ValidationError

from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.tracking.promotion import ClassChange, Gate, ModelName

FOLDER = "promotions"
AUTOMATIC = "labelcycle"
"""Who judges a cycle's model when the cycle is committed."""


Outcome = Literal["promoted", "refused", "forced"]


class Promotion(Settings):
    """One judgement.

    Attributes:
        number: its place in the history, from 0.
        previous: the digest of the record before; None for the first.
        time: when, ISO 8601 in UTC. The order is that of the numbers.
        by: who asked for it: a person's user name, or `labelcycle` for the judgement that every cycle gets.
        outcome: `promoted` by the gate, `refused` by it, or `forced` past it.
        reason: the gate's, in words; where a person forced it, the person's before.
        challenger: the model that was judged.
        champion: the model that is champion from then on; None while there is none.
        gate: what was allowed.
        fallen: the classes whose recall falls by more than that.
    """

    number: int
    previous: str | None
    time: str
    by: str
    outcome: Outcome
    reason: str
    challenger: ModelName
    champion: ModelName | None
    gate: Gate
    fallen: list[ClassChange]

    def as_bytes(self) -> bytes:
        """The content of the record."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def summary(self) -> str:
        """The outcome and the reason, in a sentence."""
        return f"{'not promoted' if self.outcome == 'refused' else self.outcome}: {self.reason}"


@dataclass(frozen=True)
class PromotionHistory:
    """All records, the oldest first, and the digest of the last one, which the next must name."""

    promotions: list[Promotion] = field(default_factory=list)
    digest: str | None = None

    @property
    def champion(self) -> ModelName | None:
        """The model that is champion, None while there is none."""
        return self.promotions[-1].champion if self.promotions else None

    def last_about(self, commit: str) -> Promotion | None:
        """The last judgement of the model whose commit has this digest."""
        return self._last_about.get(commit)

    @cached_property
    def _last_about(self) -> dict[str, Promotion]:
        return {promotion.challenger.commit: promotion for promotion in self.promotions}

    def followed_by(self, promotion: Promotion) -> "PromotionHistory":
        """The history with one record more, as it was written."""
        return PromotionHistory([*self.promotions, promotion], digest_of_bytes(promotion.as_bytes()))


def promotion_key(number: int) -> str:
    """Where a record is; names sort like numbers."""
    return f"{FOLDER}/{number:06d}.json"


def read_history(store: Store) -> PromotionHistory:
    """The whole history.

    Raises:
        CampaignError: a record is missing, damaged, or not the one that the next record follows on.
    """
    promotions: list[Promotion] = []
    last: str | None = None
    for record, digest in concurrently(lambda number: _read(store, number), range(_count(store))):
        number = record.number
        if record.previous != last:
            raise CampaignError(
                f"{store.locate(promotion_key(number))} does not follow the record before it: one of the two was "
                "changed. Restore both from a backup."
            )
        promotions.append(record)
        last = digest
    return PromotionHistory(promotions, last)


def read_champion(store: Store) -> ModelName | None:
    """The model that is champion, None while there is none. Reads the last record alone.

    Raises:
        CampaignError: the record is damaged.
    """
    count = _count(store)
    return _read(store, count - 1)[0].champion if count else None


def append_promotion(store: Store, promotion: Promotion) -> bool:
    """Write a record at its number. Returns False where another one has it: then judge again, after that one."""
    return store.write_if_absent(promotion_key(promotion.number), promotion.as_bytes())


def _count(store: Store) -> int:
    keys = [key for key in store.keys(f"{FOLDER}/") if re.fullmatch(rf"{FOLDER}/\d{{6}}\.json", key)]
    return 1 + int(keys[-1][-len("000000.json") :].removesuffix(".json")) if keys else 0


def _read(store: Store, number: int) -> tuple[Promotion, str]:
    """A record and its digest."""
    address = store.locate(promotion_key(number))
    try:
        data = store.read(promotion_key(number))
        record = Promotion.model_validate_json(data)
    except FileNotFoundError as error:
        raise CampaignError(f"{address} is missing although a later one is there. Restore it from a backup.") from error
    except ValidationError as error:
        raise CampaignError(f"{address} is not a record of a promotion. Restore it from a backup.") from error
    if record.number != number:
        raise CampaignError(f"{address} is the record of number {record.number}. Restore it from a backup.")
    return record, digest_of_bytes(data)
