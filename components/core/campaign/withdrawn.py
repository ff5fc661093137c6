"""Samples that people took out of a campaign: they are never asked for, learnt from, tested with or shown again."""

from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.erasures import pseudonym
from labelcycle.components.core.storage.tables import read_table

FOLDER = "withdrawn"

WITHDRAWN = pa.schema([pa.field("sample_id", pa.string(), nullable=False), pa.field("sha256", pa.string())])
"""One row a sample, sorted by id; the digest of its image, null where it has none, keeps copies of it away too."""

REASON = "withdrawn"
"""Why it is among the samples that are set aside. Label files may still name it."""


@dataclass(frozen=True)
class Withdrawn:
    """What was taken out.

    Attributes:
        campaign: the campaign's identifier.
        ids: of the samples; pseudonyms of those that were erased.
        digests: of their images.
    """

    campaign: str
    ids: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()

    def __contains__(self, sample_id: object) -> bool:
        """Whether a sample was taken out, by its id, also where it was erased."""
        if not self.ids or not isinstance(sample_id, str):
            return False
        return sample_id in self.ids or pseudonym(self.campaign, sample_id) in self.ids


def withdrawn_table(store: Store, campaign: Campaign) -> pa.Table:
    """The samples that were withdrawn: rows of `WITHDRAWN`.

    Raises:
        CampaignError: the table is gone or damaged.
    """
    return WITHDRAWN.empty_table() if campaign.withdrawn is None else read_table(store, campaign.withdrawn, WITHDRAWN)


def read_withdrawn(store: Store, campaign: Campaign) -> Withdrawn:
    """The samples that were withdrawn; nothing is read where none were.

    Raises:
        CampaignError: as `withdrawn_table`.
    """
    table = withdrawn_table(store, campaign)
    digests = frozenset(digest for digest in table["sha256"].to_pylist() if digest is not None)
    return Withdrawn(campaign.identifier, frozenset(table["sample_id"].to_pylist()), digests)
