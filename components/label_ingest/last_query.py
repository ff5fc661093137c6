"""How far the last query is answered, told without reading tables where that is possible.

The delivery record names the samples of the query where nobody was asked about them before. If nothing that was asked
earlier lacks its answers either, these samples and the label source are all there is to look at.
"""

from collections.abc import Container

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.own_labels import is_own_table, known_complete
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivered_csv import read_delivered_csv
from labelcycle.components.labelling.delivery_record import read_delivery_record
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds, Uris


def requests_of_last_query(store: Store, state: State) -> list[LabelRequest] | None:
    """The requests that the campaign waits for, best pick first; None where it takes tables to know them.

    Raises:
        CampaignError: the delivery record is damaged.
    """
    record = read_delivery_record(store, state.commits[-1].cycle)
    if record is None or record.asked is None or state.summaries[-1].outstanding:
        return None
    withdrawn = _withdrawn(store, state.campaign)
    asked = [sample_id for sample_id in record.asked if sample_id not in withdrawn]
    return [LabelRequest(state.commits[-1].cycle, sample_id, 1) for sample_id in asked]


def votes_on_last_query(
    store: Store, state: State, requests: list[LabelRequest], labels_from: str = ""
) -> list[Vote] | None:
    """What the label source says about these samples, on which there are no earlier votes.

    Votes of a table of the campaign's own lack the label, since only that there is one is known.

    Args:
        store: the campaign's.
        state: the campaign's.
        requests: of `requests_of_last_query`.
        labels_from: a label file instead of the campaign's own source; empty for that.

    Returns:
        One vote of each person on each sample; None where it takes tables, or the labelling tool, to know them.

    Raises:
        InputError: a row of a label file is wrong.
        CampaignError: an object of the campaign is damaged.

    Cost: reads the label file; the ids of the whole pool only where it names others than were asked for.
    """
    campaign, cycle = state.campaign, state.commits[-1].cycle
    source, asked = labels_from or campaign.labels_from, {request.sample_id for request in requests}
    if source is not None and is_own_table(source):
        if not known_complete(store, campaign):
            return None
        return [Vote(request.sample_id, "", None, "ok", "", source) for request in requests]
    if source is None and campaign.labelling.tool is not None:
        return None

    def uris() -> Uris:
        from labelcycle.components.core.campaign.pool import sample_uris

        return sample_uris(store, campaign)

    ids = SampleIds(uris, asked, _withdrawn(store, campaign))
    if source is None:
        votes = read_delivered_csv(store, campaign, cycle, ids)
    else:
        votes = read_votes_file(source, ids, campaign.classes, former_classes=campaign.former_classes)
    return [vote for vote in votes if vote.sample_id in asked]


def _withdrawn(store: Store, campaign: Campaign) -> Container[str]:
    """Says which samples were withdrawn. Tables are read, and what reads them imported, only where any were."""
    if campaign.withdrawn is None:
        return ()
    from labelcycle.components.core.campaign.withdrawn import read_withdrawn

    return read_withdrawn(store, campaign)
