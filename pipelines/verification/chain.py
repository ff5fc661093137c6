"""The chain of a campaign's cycles: that each commit follows on the one before, and that the counts of labels agree."""

from collections import Counter
from collections.abc import Iterator

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, commit_key
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.pool import splits_of_versions
from labelcycle.components.core.campaign.queries import requests_in
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.campaign.summary import read_summary
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.pipelines.verification.findings import Finding


def check_chain(store: Store, versions: list[Campaign], commits: list[Commit]) -> Iterator[Finding]:
    """What does not fit together.

    Args:
        store: the campaign's.
        versions: the campaign as it began, and with each amendment.
        commits: of its cycles.

    Cost: reads every decision, one in memory at a time, every query, and the tables of samples.
    """
    campaign = versions[-1]
    queries: list[ObjectReference] = []
    votes: list[ObjectReference] = []
    before: Commit | None = None
    for commit in commits:
        if "labels" in commit.objects:
            votes.append(commit.objects["labels"])
        decision, findings = _decision_of(store, commit)
        yield from findings
        if decision is not None:
            yield from _check_decision(campaign, commit, before, decision, queries, votes)
            yield from _check_summary(store, commit, decision)
        if "query" in commit.objects:
            queries.append(commit.objects["query"])
        before = commit
    yield from _check_queries(store, versions, commits)


def _decision_of(store: Store, commit: Commit) -> tuple[Decision | None, list[Finding]]:
    """What the commit carries out, or what is wrong with that."""
    reference = commit.objects.get("decision")
    if reference is None:
        return None, [_apart(commit_key(commit.cycle), "it names no decision")]
    try:
        return Decision.model_validate_json(read_object(store, reference)), []
    except (CampaignError, ValueError) as error:
        return None, [Finding("damaged", reference.key, str(error))]


def _check_decision(
    campaign: Campaign,
    commit: Commit,
    before: Commit | None,
    decision: Decision,
    queries: list[ObjectReference],
    votes: list[ObjectReference],
) -> Iterator[Finding]:
    """Whether the decision is this campaign's, and rests on the commits before."""
    key = commit_key(commit.cycle)
    if attempt_name(campaign, decision) != commit.attempt:
        yield _apart(key, "its decision is not that of its attempt, or of another campaign")
    if decision.cycle != commit.cycle:
        yield _apart(key, f"its decision is that of cycle {decision.cycle}")
    if decision.previous != (before.objects if before else {}):
        yield _apart(key, "it does not follow on the commit before")
    if decision.history != commit.objects.get("history"):
        yield _apart(key, "it names another history than its decision")
    if decision.amendment != commit.objects.get("amendment"):
        yield _apart(key, "it names another amendment than its decision")
    if decision.new_labels != commit.objects.get("labels"):
        yield _apart(key, "it was made of other votes than those that are committed")
    if decision.history is None and decision.queries != queries:
        yield _apart(key, "it counts other queries than those that were committed before")
    listed = decision.history is None and commit.cycle > 0 and campaign.recipe.data_selection is None
    if listed and decision.labels != votes:
        yield _apart(key, "it was made of other votes than those that are committed")


def _check_summary(store: Store, commit: Commit, decision: Decision) -> Iterator[Finding]:
    try:
        summary = read_summary(store, commit)
    except CampaignError as error:
        yield Finding("damaged", commit_key(commit.cycle), f"Its summary cannot be read: {error}")
        return
    recorded = {
        "cycle": summary.cycle,
        "labels": summary.labels,
        "answers": summary.answers,
        "outstanding": summary.outstanding,
    }
    counted = {
        "cycle": commit.cycle,
        "labels": decision.labelled,
        "answers": decision.answered,
        "outstanding": decision.outstanding,
    }
    if recorded != counted:
        yield _apart(commit_key(commit.cycle), f"its summary says {recorded}, but its decision {counted}")


def _check_queries(store: Store, versions: list[Campaign], commits: list[Commit]) -> Iterator[Finding]:
    """Only samples of the pool, or to test with, are asked for, as often as opinions say, within the budget."""
    queries = {commit.cycle: commit.objects["query"] for commit in commits if "query" in commit.objects}
    campaign = versions[-1]
    asking = [commit for commit in commits if commit.cycle in queries]
    try:
        requests = requests_in(read_requests(store, History(), asking))
        splits = splits_of_versions(store, versions)
        withdrawn = read_withdrawn(store, campaign).ids
        known = {vote.sample_id for vote in starting_votes(store, campaign)}
    except CampaignError:
        return  # reported where contents are checked
    askable = {"pool", "test"} if campaign.test_from_budget else {"pool"}
    in_pool = {name for name, of_sample in splits.items() if of_sample & askable}
    for name in sorted({request.sample_id for request in requests} - in_pool - withdrawn):
        yield _apart(_query_of(requests, queries, name), f"sample {name!r} is not one of the pool")
    if campaign.recipe.data_selection is not None:
        return
    paid = sum(request.sample_id not in withdrawn for request in requests)
    if paid > campaign.budget:
        yield _apart("campaign.json", f"{paid} samples were asked for, more than the budget {campaign.budget}")
    twice = Counter((request.sample_id, request.opinion) for request in requests)
    for (name, opinion), count in twice.items():
        if count > 1:
            key = _query_of(requests, queries, name)
            yield _apart(key, f"opinion {opinion} on sample {name!r} is asked for {count} times")
    yield from check_rechecks(requests, queries, known)


def check_rechecks(
    requests: list[LabelRequest], queries: dict[int, ObjectReference], known: set[str]
) -> Iterator[Finding]:
    """A label is asked for again once at most, and after it was asked for, or known, in the first place."""
    asked = set(known)
    again: set[str] = set()
    for request in requests:
        if request.recheck:
            key = queries[request.cycle].key
            if request.sample_id in again:
                yield _apart(key, f"the label of sample {request.sample_id!r} is checked more than once")
            if request.sample_id not in asked:
                yield _apart(key, f"the label of sample {request.sample_id!r} is checked, but nobody was asked for it")
            again.add(request.sample_id)
        asked.add(request.sample_id)


def _query_of(requests: list[LabelRequest], queries: dict[int, ObjectReference], name: str) -> str:
    """The key of the last query that asks for the sample."""
    return queries[max(request.cycle for request in requests if request.sample_id == name)].key


def _apart(key: str, what: str) -> Finding:
    return Finding("inconsistent", key, f"{what[0].upper()}{what[1:]}. Restore both from a backup of one time.")
