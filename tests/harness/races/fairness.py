"""What a race must not break: one winner a cycle, and a committed cycle whose numbers belong together."""

from typing import Any

import numpy as np

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.decision import Decision
from labelcycle.components.core.campaign.history import read_history
from labelcycle.components.core.campaign.history_tables import read_votes
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import read_json, read_object
from labelcycle.components.core.storage.tables import LABELS, read_table

NEARLY = 1e-6


def unfair(root: str) -> list[str]:
    """What does not belong together in the committed cycles, in words."""
    store = open_store(root)
    state = read_state(store)
    commits = state.commits
    problems = _votes(store, commits)
    for before, commit in zip([None, *commits], commits, strict=False):
        if "head" in commit.objects:
            problems += _numbers(store, state.campaign_of(commit), commit)
        carried = {} if before is None else before.objects
        folder = f"cycles/{commit.cycle}/{commit.attempt}/"
        strangers = [
            name
            for name, reference in commit.objects.items()
            if reference.key.startswith("cycles/")
            and not reference.key.startswith(folder)
            and carried.get(name) != reference
        ]
        problems += [f"the {name} of cycle {commit.cycle} is of another attempt" for name in strangers]
    return problems


def _numbers(store: Store, campaign: Campaign, commit: Commit) -> list[str]:
    """Whether metrics and query are those of the committed head, on the features of its space."""
    head = read_head(read_object(store, commit.objects["head"]))
    metrics, training = read_json(store, commit.objects["metrics"]), read_json(store, commit.objects["training"])
    problems = []
    if metrics["training"] != training:
        problems.append(f"the metrics of cycle {commit.cycle} are of another training")
    space = FeatureSpace(store, training["space"])
    truth = load_truth(store, campaign)
    names, features = space.read(sorted(truth))
    right = [campaign.classes[row] for row in head.probabilities(features).argmax(axis=1)]
    accuracy = float(np.mean([truth[name] == label for name, label in zip(names, right, strict=True)]))
    if abs(accuracy - metrics["accuracy"]) > NEARLY:
        problems.append(f"cycle {commit.cycle} has accuracy {metrics['accuracy']}, its head {accuracy}")
    query = read_query(store, commit.objects["query"])
    asked = dict(zip(query["sample_id"].to_pylist(), query["confidence"].to_pylist(), strict=True))
    if asked:
        names, features = space.read(sorted(asked))
        sure = head.probabilities(features).max(axis=1)
        if any(abs(asked[name] - value) > NEARLY for name, value in zip(names, sure, strict=True)):
            problems.append(f"the query of cycle {commit.cycle} was chosen by another head")
    return problems


def _votes(store: Store, commits: list[Commit]) -> list[str]:
    """Whether every vote that is kept was asked for before, and none was counted twice or forgotten."""
    asked: set[str] = set()
    seen: set[tuple[str, Any]] = set()
    problems = []
    for commit in commits:
        decision = Decision.model_validate(read_json(store, commit.objects["decision"]))
        kept = read_votes(store, read_history(store, decision.history))
        if set(zip(kept["sample_id"].to_pylist(), kept["annotator"].to_pylist(), strict=True)) != seen:
            problems.append(f"cycle {commit.cycle} forgets votes of cycles before")
        if decision.new_labels is not None:
            rows = read_table(store, decision.new_labels, LABELS).to_pylist()
            new = {(row["sample_id"], row["annotator"]) for row in rows}
            problems += [f"the vote on {name!r} is counted twice" for name, _ in sorted(new & seen, key=str)]
            problems += [f"the vote on {name!r} was never asked for" for name, _ in new if name not in asked]
            seen |= new
        if decision.answered != len(seen):
            problems.append(f"cycle {commit.cycle} counts {decision.answered} answers of {len(seen)}")
        asked.update(read_query(store, commit.objects["query"])["sample_id"].to_pylist())
    return problems
