"""What people are asked now: the last query and earlier ones that lack answers, and what is known of their samples."""

import functools
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.history_tables import read_requests, read_votes
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.queries import Pick, picks_of, read_query, requests_in
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.vote_tables import votes_in
from labelcycle.components.core.campaign.votes import Vote, in_force, under_present_names
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import Store
from labelcycle.components.label_ingest.readiness import answers_to
from labelcycle.components.labelling.delivery_order import as_delivered
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.people import person
from labelcycle.components.labelling.query_delivery import deliver_query


class NothingAsked(CampaignError):
    """No query awaits labels; the message says what to do."""


@dataclass(frozen=True)
class PoolImage:
    """Where the image of a sample is, and the SHA-256 of its content."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class OpenQueries:
    """What the campaign waits for, as it stood when it was read.

    Attributes:
        campaign: with its amendments.
        cycles: how many are committed.
        space: the feature space of the newest model.
        asked: what is asked of people, the last query first, each in the order of its CSV.
        picks: what the query says of each sample, by cycle and sample.
        voters: whose votes earlier cycles took in, by sample that is asked about.
        labels: the class that most people gave, by sample; of equals the first.
        images: by sample, of all samples that are asked about or have a label; those without one are missing.
    """

    campaign: Campaign
    cycles: int
    space: str
    asked: list[LabelRequest]
    picks: dict[tuple[int, str], Pick]
    voters: dict[str, set[str]]
    labels: dict[str, str]
    images: dict[str, PoolImage]

    @functools.cached_property
    def images_by_digest(self) -> dict[str, PoolImage]:
        """The same images by the SHA-256 of their content."""
        return {image.sha256: image for image in self.images.values()}

    @property
    def last(self) -> int:
        """The cycle of the last query."""
        return self.cycles - 1


def read_open_queries(store: Store, root: str, shown: bool = True) -> OpenQueries:
    """Read what the campaign waits for, and deliver the last query where a run was killed before it did.

    Args:
        store: the campaign's.
        root: as the user wrote it, for messages.
        shown: whether the images are to be shown, so that there have to be some.

    Raises:
        NothingAsked: no query awaits labels.
        CampaignError: there is no campaign, or a part of it is damaged.
        ConfigurationError: its labels come from elsewhere, or its samples have no images to be shown.

    Cost: everything asked and answered so far, the queries that are open, and the pool's table.
    """
    state = read_state(store)
    _refuse_other_sources(state.campaign, root)
    _refuse_without_query(state, root)
    deliver_query(store, state.campaign, state.commits[-1])
    cycle, later = state.commits[-1].cycle, state.commits[state.history.cycles :]
    withdrawn = read_withdrawn(store, state.campaign).ids
    cast = votes_in(read_votes(store, state.history, later))
    votes = in_force(under_present_names(cast, state.campaign.former_classes))
    kept = {key: vote for key, vote in votes.items() if key[0] not in withdrawn}
    asked, picks = _asked(store, state, votes)
    asked = [request for request in asked if request.sample_id not in withdrawn]
    if not asked:
        raise NothingAsked(
            f"All that {root} asked for was withdrawn. Choose the next query with: labelcycle run {shlex.quote(root)}"
        )
    labels = _labels(kept.values(), state.campaign)
    images = _images(store, state.campaign, {request.sample_id for request in asked} | labels.keys())
    if shown and not any(request.sample_id in images for request in asked):
        raise ConfigurationError(
            f"The samples of {root} have no images to be shown. Fill in {store.locate(delivery_key(cycle))} instead."
        )
    space = state.summaries[-1].space or state.campaign.base_space
    voters: dict[str, set[str]] = {request.sample_id: set() for request in asked}
    for sample_id, annotator in kept:
        if sample_id in voters:
            voters[sample_id].add(person(annotator))
    return OpenQueries(state.campaign, len(state.commits), space, asked, picks, voters, labels, images)


def _refuse_other_sources(campaign: Campaign, root: str) -> None:
    """Refuse a campaign that would not read what is answered here."""
    if campaign.labelling.tool is not None:
        raise ConfigurationError(
            f"People label this campaign in Label Studio, at {campaign.labelling.tool.url}; answers from elsewhere "
            "would not be read. Label there."
        )
    if campaign.labels_from is None:
        return
    if is_own_table(campaign.labels_from):
        raise ConfigurationError(
            f"The labels of {root} came with its samples, so that nobody is asked for them. Continue with: labelcycle "
            f"run {root}"
        )
    raise ConfigurationError(
        f"{root} reads its labels from {campaign.labels_from} (--labels-from), and would not read answers from "
        "elsewhere. Add rows there, or label in the browser in a campaign that is begun without --labels-from."
    )


def _refuse_without_query(state: State, root: str) -> None:
    if state.phase == "labelling":
        return
    if state.phase == "new":
        raise NothingAsked(f"{root} has no query yet. Choose the first one with: labelcycle run {shlex.quote(root)}")
    if state.phase == "amended":
        raise NothingAsked(
            f"No query of {root} awaits labels. Choose the next one with: labelcycle run {shlex.quote(root)}"
        )
    raise NothingAsked(
        f"No query of {root} awaits labels: {state.why_done}. Look at it with: labelcycle status {shlex.quote(root)}"
    )


def _asked(
    store: Store, state: State, kept: dict[tuple[str, str], Vote]
) -> tuple[list[LabelRequest], dict[tuple[int, str], Pick]]:
    """What is asked of people, and the rows of those queries."""
    campaign, last = state.campaign, state.commits[-1]
    requests = requests_in(read_requests(store, state.history, state.commits[state.history.cycles :]))
    if campaign.recipe.data_selection is not None:
        requests, kept = [request for request in requests if request.cycle == last.cycle], {}
    lacking = answers_to(requests, kept.values(), campaign.labelling.quorum).unanswered
    wanted = {(request.cycle, request.sample_id): request for request in lacking}
    cycles = sorted({last.cycle, *(request.cycle for request in lacking)}, reverse=True)
    asked: list[LabelRequest] = []
    picks: dict[tuple[int, str], Pick] = {}
    for cycle in cycles:
        query = as_delivered(read_query(store, state.commits[cycle].objects["query"]), campaign, cycle)
        for pick in picks_of(query):
            key = (cycle, pick.sample_id)
            if key in wanted or cycle == last.cycle:
                asked.append(wanted.get(key) or LabelRequest(cycle, pick.sample_id, pick.opinion, pick.recheck))
                picks[key] = pick
    return asked, picks


def _labels(votes: Iterable[Vote], campaign: Campaign) -> dict[str, str]:
    given: dict[str, Counter[str]] = {}
    for vote in votes:
        if vote.status == "ok" and vote.label is not None:
            given.setdefault(vote.sample_id, Counter())[campaign.class_of(vote.label)] += 1
    return {sample_id: counts.most_common(1)[0][0] for sample_id, counts in given.items()}


def _images(store: Store, campaign: Campaign, samples: Iterable[str]) -> dict[str, PoolImage]:
    pool = load_pool(store, campaign)
    pool = pool.filter(pc.is_in(pool["sample_id"], value_set=pa.array(sorted(samples), pa.string())))
    columns = (pool[name].to_pylist() for name in ("sample_id", "uri", "sha256"))
    return {
        sample_id: PoolImage(uri, sha256)
        for sample_id, uri, sha256 in zip(*columns, strict=True)
        if uri is not None and sha256 is not None
    }
