"""What must hold, written out: in every state, in every step, and from every state on."""

from collections.abc import Callable

from tests.harness.protocol.world import Bounds, World

StateInvariant = Callable[[World, Bounds], bool]
StepInvariant = Callable[[World, World], bool]


def commits_name_what_is_there(world: World, _: Bounds) -> bool:
    """Every object that a commit names is in the store, with the content that its digest says."""
    return all(reference in world.objects for commit in world.commits for reference in commit.objects)


def records_name_what_is_there(world: World, _: Bounds) -> bool:
    """Every object that a stage's record names is in the store."""
    return all(reference in world.objects for record in world.records for reference in record.objects)


def commits_are_of_one_attempt(world: World, _: Bounds) -> bool:
    """All objects of a commit are of its attempt, and its attempt follows on the commit before."""
    return all(
        commit.attempt.cycle == cycle
        and commit.attempt.previous == (world.commits[cycle - 1].digest if cycle else 0)
        and all(reference.attempt == commit.attempt for reference in commit.objects)
        for cycle, commit in enumerate(world.commits)
    )


def metrics_are_of_the_committed_head(world: World, _: Bounds) -> bool:
    """The metrics of a commit were measured on the head that it names."""
    trained = [commit for commit in world.commits if commit.content("head") is not None]
    return all(commit.content("metrics")[0] == commit.content("head") for commit in trained)


def training_is_of_the_committed_head(world: World, _: Bounds) -> bool:
    """The record of the training that a commit names is that of its head."""
    trained = [commit for commit in world.commits if commit.content("head") is not None]
    return all(commit.content("training")[0] == commit.content("head") for commit in trained)


def classes_are_of_the_decision(world: World, _: Bounds) -> bool:
    """The head of a commit, and what was measured of it, are by the classes of the amendments that its cycle knew."""
    trained = [commit for commit in world.commits if commit.content("head") is not None]
    return all(
        commit.content("training")[1] == commit.content("metrics")[2] == commit.attempt.amended for commit in trained
    )


def queries_are_of_the_committed_head(world: World, _: Bounds) -> bool:
    """The query of a commit was chosen by the head that it names."""
    return all(commit.content("query")[0] == (commit.content("head") or 0) for commit in world.commits)


def nothing_is_handed_out_before_its_commit(world: World, _: Bounds) -> bool:
    """What people have is the committed query, and no other."""
    return all(
        handed_out is None or (cycle < len(world.commits) and _is_delivered(world, cycle, handed_out))
        for cycle, handed_out in enumerate(world.handed_out)
    )


def _is_delivered(world: World, cycle: int, handed_out: int | None) -> bool:
    """Whether people have a query: all of it but for what was withdrawn before they got it."""
    query = world.commits[cycle].query
    return handed_out is not None and not handed_out & ~query and not query & ~handed_out & ~world.gone(world.amended)


def receipts_are_of_what_people_have(world: World, _: Bounds) -> bool:
    """A receipt is there only for a query that people have."""
    return all(
        handed_out is not None for handed_out, receipt in zip(world.handed_out, world.receipts, strict=True) if receipt
    )


def the_budget_is_kept(world: World, bounds: Bounds) -> bool:
    """What committed queries ask for is never more than the budget, with the amendments that their cycles know of."""
    for number, commit in enumerate(world.commits, start=1):
        gone = world.gone(commit.attempt.amended)
        paid = sum((one.query & ~gone).bit_count() for one in world.commits[:number])
        paid += (commit.attempt.labels & gone).bit_count()
        if commit.query and paid > bounds.budget + world.more(commit.attempt.amended):
            return False
    return True


def nothing_withdrawn_is_used(world: World, _: Bounds) -> bool:
    """A cycle neither asks for nor learns from what the amendments that it knows of have withdrawn."""
    return not any(
        (commit.query | commit.attempt.learnt) & world.gone(commit.attempt.amended) for commit in world.commits
    )


def no_amendment_is_forgotten(world: World, _: Bounds) -> bool:
    """A cycle knows of every amendment that the cycle before knew of, and of none that was not made."""
    known = [commit.attempt.amended for commit in world.commits]
    return known == sorted(known) and all(number <= world.amended for number in known)


def nothing_is_asked_twice(world: World, _: Bounds) -> bool:
    """No two committed queries ask for the same sample, or for the same label again."""
    return sum(commit.query.bit_count() for commit in world.commits) == world.asked.bit_count()


def rechecks_are_of_labels(world: World, bounds: Bounds) -> bool:
    """A label is asked for again only where there is one."""
    return all((commit.query >> bounds.pool) & ~commit.attempt.labels == 0 for commit in world.commits)


def votes_are_counted_once(world: World, _: Bounds) -> bool:
    """A commit counts answers that were given, to queries before it; what a commit counts, all later ones do."""
    before = asked = 0
    for commit in world.commits:
        labels = commit.attempt.labels
        if labels & ~world.answers or labels & ~asked or before & ~labels:
            return False
        before, asked = labels, asked | commit.query
    return True


def commits_never_change(before: World, after: World) -> bool:
    """At most one commit a cycle, and it stays what it is."""
    return after.commits[: len(before.commits)] == before.commits


def what_people_have_never_changes(before: World, after: World) -> bool:
    """A CSV that was delivered is never replaced, and no answer is taken from people."""
    kept = all(then == now for then, now in zip(before.handed_out, after.handed_out, strict=False) if then is not None)
    return kept and before.answers & ~after.answers == 0


def the_first_result_of_a_stage_stays(before: World, after: World) -> bool:
    """A stage of an attempt that has run keeps its record."""
    return before.records <= after.records


def at_its_end(world: World) -> bool:
    """The campaign is over, every query that asks for anything was delivered with a delivery record, and nobody works.

    From every state, a state like this must be within reach: then no query stays with us for ever, and there is neither
    a deadlock nor a state that processes can only run around in.
    """
    handed = all(
        commit.query == 0 or (_is_delivered(world, cycle, world.handed_out[cycle]) and world.receipts[cycle])
        for cycle, commit in enumerate(world.commits)
    )
    return world.ended and handed and not any(world.runners)


IN_EVERY_STATE: tuple[StateInvariant, ...] = (
    commits_name_what_is_there,
    records_name_what_is_there,
    commits_are_of_one_attempt,
    metrics_are_of_the_committed_head,
    training_is_of_the_committed_head,
    classes_are_of_the_decision,
    queries_are_of_the_committed_head,
    nothing_is_handed_out_before_its_commit,
    receipts_are_of_what_people_have,
    the_budget_is_kept,
    no_amendment_is_forgotten,
    nothing_withdrawn_is_used,
    nothing_is_asked_twice,
    rechecks_are_of_labels,
    votes_are_counted_once,
)

IN_EVERY_STEP: tuple[StepInvariant, ...] = (
    commits_never_change,
    what_people_have_never_changes,
    the_first_result_of_a_stage_stays,
)
