"""What a cycle takes from the label source, next to what earlier cycles keep. Nothing is written."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.class_changes import probabilities_now
from labelcycle.components.core.campaign.history_tables import read_requests, read_votes
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.queries import requests_in
from labelcycle.components.core.campaign.rechecks import rechecked_samples
from labelcycle.components.core.campaign.starting_labels import starting_answers, starting_votes
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.test_set import asked_to_test_with, never_learnt_from
from labelcycle.components.core.campaign.vote_tables import labels_of, votes_in
from labelcycle.components.core.campaign.votes import Vote, in_force, under_present_names
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import Store
from labelcycle.components.label_ingest.arrivals import new_votes, read_source, source_of
from labelcycle.components.label_ingest.readiness import AnsweredRequests, answers_to
from labelcycle.components.labelling.consensus import Probabilities, consensus_of


@dataclass(frozen=True)
class CollectedLabels:
    """What is there now.

    Attributes:
        source: the address of the label source.
        new: votes that are new, changed or taken back.
        corrected: how many of these are changed or taken back.
        votes: all votes in force on samples that were not withdrawn.
        consensus: rows of `CONSENSUS`: what all votes come to.
        answers: to the last query.
        fresh: requests that have their answers now and had them not before.
        fresh_to_test_with: how many of these are for samples of the test set.
        usable: samples with a label to learn from.
        labelled: the same, of earlier loops too where training data is selected.
        answered: requests of all cycles that have their answers.
        outstanding: requests of all cycles that have not.
    """

    source: str
    new: list[Vote]
    corrected: int
    votes: list[Vote]
    consensus: pa.Table
    answers: AnsweredRequests
    fresh: list[LabelRequest]
    fresh_to_test_with: int
    usable: int
    labelled: int
    answered: int
    outstanding: int


def collect_labels(store: Store, state: State, labels_from: str = "") -> CollectedLabels:
    """Read the label source of a campaign that has asked a query.

    Training data that is selected is chosen from the whole pool again by each loop, so that only the answers to the
    last query count there. Answers on samples that were withdrawn are paid for, but no labels any more; what was asked
    for and not answered of these is not awaited, and leaves its part of the budget.

    Args:
        store: the campaign's.
        state: the campaign's.
        labels_from: a label file instead of the campaign's own source; empty for that.

    Raises:
        InputError: a row of a label file is wrong.
        TransientError: the labelling tool does not answer.

    Cost: reads everything asked and answered so far, in few objects, and the label source.
    """
    campaign, last = state.campaign, state.commits[-1]
    later = state.commits[state.history.cycles :]
    asked = read_requests(store, state.history, later)
    requests = requests_in(asked)
    mine = [request for request in requests if request.cycle == last.cycle]
    labelled_before = answered_before = 0
    if campaign.recipe.data_selection is not None:
        requests, kept = mine, {}
        labelled_before, answered_before = state.summaries[-1].labels, state.summaries[-1].answers
    else:
        cast = votes_in(read_votes(store, state.history, later))
        kept = in_force(under_present_names(cast, campaign.former_classes))
    withdrawn = read_withdrawn(store, campaign).ids
    source = source_of(store, campaign, last.cycle, labels_from)
    found = read_source(store, campaign, last, requests, kept, labels_from)
    news = new_votes(found, kept, source.everything_from)
    new = [vote for vote in news if vote.sample_id not in withdrawn]
    in_all = in_force([*kept.values(), *new]).values()
    votes = [vote for vote in in_all if vote.sample_id not in withdrawn]
    method, quorum = campaign.labelling.consensus, campaign.labelling.quorum
    probabilities = _probabilities(state, asked, method)
    consensus = consensus_of(votes, method, campaign.classes, probabilities, rechecked_samples(requests))
    before, now = answers_to(requests, kept.values(), quorum), answers_to(requests, in_all, quorum)
    had = set(before.complete)
    fresh = [request for request in now.complete if request not in had]
    testing = set(asked_to_test_with(store, campaign))
    usable = len(labels_of(consensus).keys() - set(never_learnt_from(store, campaign)))
    return CollectedLabels(
        source=source.name,
        new=new,
        corrected=sum((vote.sample_id, vote.annotator) in kept for vote in new),
        votes=votes,
        consensus=consensus,
        answers=answers_to([request for request in mine if request.sample_id not in withdrawn], votes, quorum),
        fresh=fresh,
        fresh_to_test_with=sum(request.sample_id in testing for request in fresh),
        usable=usable,
        labelled=labelled_before + usable,
        answered=answered_before + len(now.complete) + starting_answers(store, campaign),
        outstanding=sum(request.sample_id not in withdrawn for request in now.unanswered),
    )


def labels_to_begin_with(store: Store, campaign: Campaign) -> CollectedLabels | None:
    """The labels that the campaign begins with, as what its first cycle takes in; None where it has none."""
    withdrawn = read_withdrawn(store, campaign).ids
    votes = [vote for vote in starting_votes(store, campaign) if vote.sample_id not in withdrawn]
    if not votes or campaign.known_labels is None:
        return None
    consensus = consensus_of(votes, campaign.labelling.consensus, campaign.classes, {})
    return CollectedLabels(
        source=store.locate(campaign.known_labels.table.key),
        new=votes,
        corrected=0,
        votes=votes,
        consensus=consensus,
        answers=AnsweredRequests([], [], []),
        fresh=[],
        fresh_to_test_with=0,
        usable=len(labels_of(consensus)),
        labelled=len(labels_of(consensus)),
        answered=starting_answers(store, campaign),
        outstanding=0,
    )


def _probabilities(state: State, asked: pa.Table, method: str) -> Probabilities:
    """What the models that asked first thought of the samples, by the present classes; if the consensus weighs it."""
    if method != "crowdlab":
        return {}
    known: Probabilities = {}
    for row in asked.select(["cycle", "sample_id", "probabilities"]).to_pylist():
        if row["probabilities"] is not None and row["sample_id"] not in known:
            thought = np.array([row["probabilities"]], np.float32)
            before = state.campaign_of(state.commits[row["cycle"]]).classes
            known[row["sample_id"]] = probabilities_now(thought, before, state.campaign)[0]
    return known


def without_final_training(state: State) -> str:
    """What holds for a recipe that has no final training, in words."""
    return f"recipe {state.campaign.recipe.name!r} has no final training: the model of the last cycle is the final one"


def check_finalizable(state: State) -> None:
    """Check that there are images and labels to train the final model on.

    Raises:
        ConfigurationError: one of these is missing.
    """
    campaign = state.campaign
    if campaign.backbone is None:
        raise ConfigurationError(
            f"The final training of recipe {campaign.recipe.name!r} needs images, but this campaign has embeddings "
            "only. Use the model of its last cycle, or start a campaign with --images."
        )
    if not state.trained:
        raise ConfigurationError("There is no trained cycle yet, so nothing to finalize. Run: labelcycle run.")
