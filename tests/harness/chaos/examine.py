"""What a campaign keeps, and whether it holds together: commits, the objects they name, votes, consensus, queries."""

import json
from collections import Counter
from typing import Any

from labelcycle.components.core.campaign.commits import commit_key, read_commits
from labelcycle.components.core.campaign.queries import picks_of, read_query
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.summary import read_summary
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.labelling.delivery_record import delivery_key, read_delivery_record
from labelcycle.components.tracking.promotion_history import read_history


def examine(root: str) -> dict[str, Any]:
    """Everything that a crash must not change, and what is wrong with it.

    Returns:
        `kept`: digests by key; `promotions`: who was judged, how, and who became champion; `problems`: in words.
    """
    store = open_store(root)
    problems: list[str] = []
    return {
        "kept": kept_objects(store, problems),
        "promotions": promotions(store),
        "problems": [*problems, *broken_invariants(store)],
    }


def kept_objects(store: Store, problems: list[str]) -> dict[str, str]:
    """Digests of the campaign, the commits, the objects they name, and all votes, consensus and queries, by key.

    Not of the receipts beside the queries, which say at what time these were delivered.
    """
    keys = ["campaign.json", *store.keys("labels/"), *store.keys("consensus/"), *store.keys("history/")]
    keys += store.keys("amendments/")
    keys += [key for key in store.keys("queries/") if key.endswith(".csv")]
    kept = {key: digest_of_bytes(store.read(key)) for key in keys}
    for cycle, commit in enumerate(read_commits(store)):
        kept[commit_key(cycle)] = digest_of_bytes(store.read(commit_key(cycle)))
        for name, reference in commit.objects.items():
            try:
                kept[reference.key] = digest_of_bytes(store.read(reference.key))
            except FileNotFoundError:
                problems.append(f"cycle {cycle} lacks its {name}, {reference.key}")
                continue
            if kept[reference.key] != reference.sha256:
                problems.append(f"the {name} of cycle {cycle}, {reference.key}, is not what its commit says")
    return kept


def broken_invariants(store: Store) -> list[str]:
    """What the design promises and this campaign does not keep, in words."""
    state = read_state(store)
    budget = state.campaign.budget
    again = state.campaign.recipe.data_selection is not None  # each loop chooses from the whole pool
    problems = []
    asked: Counter[tuple[str, int, int]] = Counter()
    checked: Counter[str] = Counter()
    known = {vote.sample_id for vote in starting_votes(store, state.campaign)}
    for commit, summary in zip(state.commits, state.summaries, strict=True):
        query = read_query(store, commit.objects["query"])
        opinions = [opinion or 1 for opinion in query["opinion"].to_pylist()]
        loops = [commit.cycle if again else 0] * query.num_rows
        again_here = [pick.sample_id for pick in picks_of(query) if pick.recheck]
        checked.update(again_here)
        before = known.union(name for name, _, _ in asked)
        problems += [f"{name!r} is checked before it was asked for" for name in again_here if name not in before]
        asked.update(zip(query["sample_id"].to_pylist(), opinions, loops, strict=True))
        if summary.answers + summary.outstanding + query.num_rows > budget:
            problems.append(f"cycle {commit.cycle} asks for more than the budget of {budget}")
        if query.num_rows and not store.exists(delivery_key(commit.cycle)):
            problems.append(f"the query of cycle {commit.cycle} was not delivered")
        if query.num_rows and read_delivery_record(store, commit.cycle) is None:
            problems.append(f"the query of cycle {commit.cycle} has no receipt")
        if "metrics" in commit.objects and read_summary(store, commit).accuracy != _metrics(store, commit)["accuracy"]:
            problems.append(f"the summary of cycle {commit.cycle} has another accuracy than its metrics")
    withdrawn = read_withdrawn(store, state.campaign).ids
    if sum(times for (name, _, _), times in asked.items() if name not in withdrawn) > budget:
        problems.append(f"{sum(asked.values())} requests were made with a budget of {budget}")
    twice = [(name, opinion) for (name, opinion, _), times in asked.items() if times > 1]
    problems += [f"the label of {name!r} was checked {times} times" for name, times in checked.items() if times > 1]
    return problems + [f"{name!r} was asked for twice as opinion {opinion}" for name, opinion in twice]


def _metrics(store: Store, commit: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(store.read(commit.objects["metrics"].key))
    return content


def promotions(store: Store) -> list[list[Any]]:
    """The judgements, without their times."""
    return [
        [one.number, one.outcome, one.challenger.cycle, one.champion.cycle if one.champion else None]
        for one in read_history(store).promotions
    ]


def differing(found: dict[str, Any], reference: dict[str, Any]) -> list[str]:
    """What is missing, too much or other than in the reference, by key."""
    kept, wanted = found["kept"], reference["kept"]
    keys = [key for key in sorted({*kept, *wanted}) if kept.get(key) != wanted.get(key)]
    return [*keys, *(["promotions"] if found["promotions"] != reference["promotions"] else [])]
