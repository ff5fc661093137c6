"""What may happen next: each step is one request to the store, and a process may be killed before and after any.

A process is free to begin any stage of any attempt that has a decision, as a platform does that tries again, comes late
or starts a stage twice. A stage whose inputs are not there ends at once, and one that finds its record adopts it.

Where a conditional write is acknowledged too late, the process tries again although the first try was done: `… (no
answer)`. Objects that nothing names any more are forgotten: their keys hold their digests, so nothing can read them.
"""

from collections.abc import Iterable, Iterator

from tests.harness.protocol.world import Attempt, Bounds, Commit, Record, Reference, Rules, Runner, Step, World

STAGES = ("train", "evaluate", "select", "publish")


def steps(world: World, bounds: Bounds, rules: Rules) -> Iterator[Step]:
    """Everything that may happen in this state."""
    for cycle, handed_out in enumerate(world.handed_out):
        for sample in _bits((handed_out or 0) & ~world.answers):
            yield f"people answer {sample} of cycle {cycle}", world._replace(answers=world.answers | sample)
    if world.more(world.amended) < bounds.amendments:
        yield "people amend", _amended(world, 0)._replace(former=world.answers)
    if len(world.withdrawals) - world.more(world.amended) < bounds.withdrawals:
        for sample in _bits((1 << bounds.pool) - 1 & ~world.gone(world.amended)):
            yield "people withdraw", _amended(world, sample)
    for number, runner in enumerate(world.runners):
        if number and runner == world.runners[number - 1]:
            continue  # what two equal runners may do is the same
        if runner is None:
            for what, begun in _beginnings(world, bounds, rules):
                yield what, _with(world, number, begun)
        else:
            yield "crash", _with(world, number, None)
            for what, after, then in _continuations(world, runner, bounds, rules):
                yield what, _with(after, number, then)


def by_chance(what: str) -> bool:
    """Whether it cannot be relied on to happen: people amend, a process is killed, or an old stage is run again."""
    return what in ("crash", "people amend", "people withdraw") or what.endswith(" late")


def _amended(world: World, withdrawn: int) -> World:
    return world._replace(amended=world.amended + 1, withdrawals=(*world.withdrawals, withdrawn))


def _with(world: World, number: int, runner: Runner | None) -> World:
    """The world with another state of one runner; runners are alike, so their order says nothing."""
    runners, before = [*world.runners], world.runners[number]
    runners[number] = runner
    world = world._replace(runners=tuple(sorted(runners, key=hash)))
    if before is None or (runner is not None and set(before.objects) <= set(runner.objects)):
        return world
    named = {reference for record in world.records for reference in record.objects}
    for one in (*world.commits, *(other for other in runners if other is not None)):
        named.update(one.objects)
    return world if world.objects <= named else world._replace(objects=world.objects & named)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield mask & -mask
        mask &= mask - 1


def _beginnings(world: World, bounds: Bounds, rules: Rules) -> Iterator[tuple[str, Runner]]:
    """The stages that a process may begin with, and what they read first."""
    if not rules.amendments_after_commits:
        yield "ingest reads amendments", Runner("ingest", "commits", amended=world.amended)
    elif not world.ended:
        yield from _reads_commits(
            world, Runner("ingest", "amendments" if bounds.amendments or bounds.withdrawals else "csv")
        )
    for attempt in world.decisions:
        for stage in STAGES:
            yield from _stage_beginnings(world, stage, attempt, bounds, rules)


def _reads_commits(world: World, runner: Runner) -> Iterator[tuple[str, Runner]]:
    """What label_ingest goes on with once it knows the commits; the first cycle has none to go on from."""
    if world.commits:
        yield "ingest reads commits", runner._replace(commit=world.commits[-1])
    elif not any(decision.amended == world.amended for decision in world.decisions):
        step = "amendments" if runner.step == "amendments" else "decision"
        yield "ingest reads commits", runner._replace(step=step, attempt=Attempt(0, 0, 0, 0, runner.amended))


def _stage_beginnings(
    world: World, stage: str, attempt: Attempt, bounds: Bounds, rules: Rules
) -> Iterator[tuple[str, Runner]]:
    """A stage whose inputs are there, and each result that it may come to."""
    inputs = _inputs(world, stage, attempt)
    if inputs is None:
        return
    what = f"{stage} of cycle {attempt.cycle} begins"
    if world.record(attempt, stage) is not None:
        if stage == "publish":
            what += " late" if attempt.cycle < len(world.commits) else ""
            yield what, Runner(stage, "commit", attempt, commit=_commit_of(world, attempt))
        return
    for objects in _results(world, stage, attempt, inputs, bounds, rules):
        if stage == "publish" and not rules.objects_before_commit:
            yield what, Runner(stage, "commit", attempt, objects, Commit(attempt, (*inputs, *objects)))
        elif stage == "publish" and not rules.commit_before_hand_out:
            yield what, Runner(stage, "csv", attempt, objects, Commit(attempt, (*inputs, *objects)))
        else:
            yield what, Runner(stage, "object", attempt, objects)


def _inputs(world: World, stage: str, attempt: Attempt) -> tuple[Reference, ...] | None:
    """What the stages before have recorded; None while one of them has not run."""
    found: tuple[Reference, ...] = ()
    for one in _before(stage, attempt.cycle):
        record = world.record(attempt, one)
        if record is None:
            return None
        found += record.objects
    return found


def _before(stage: str, cycle: int) -> tuple[str, ...]:
    """The stages whose records a stage reads; the cold start trains nothing."""
    if cycle == 0:
        return {"select": (), "publish": ("select",)}.get(stage, ("train",))
    return {"train": (), "publish": ("train", "evaluate", "select")}.get(stage, ("train",))


def _results(
    world: World, stage: str, attempt: Attempt, inputs: tuple[Reference, ...], bounds: Bounds, rules: Rules
) -> Iterator[tuple[Reference, ...]]:
    """The objects that a stage writes, for each result that it may come to."""
    head = inputs[0].content if attempt.cycle and inputs else 0
    classes = attempt.amended if rules.classes_of_the_decision else world.amended
    for result in range(bounds.results):
        if stage == "train" and attempt.cycle:
            yield _objects(attempt, head=result, training=(result, classes))
        elif stage == "evaluate":
            yield _objects(attempt, metrics=(head, result, classes))
        elif stage == "publish" and (attempt.cycle or result == 0):
            yield _objects(attempt, report=(*(one.content for one in inputs), result))
    if stage == "select":
        known = attempt.amended if rules.decisions_name_amendments else world.amended
        yield _objects(attempt, query=(head, _choose(world, head, attempt, bounds, rules, known)))


def _objects(attempt: Attempt, **contents: object) -> tuple[Reference, ...]:
    return tuple(Reference(attempt, name, content) for name, content in contents.items())


def _choose(world: World, result: int, attempt: Attempt, bounds: Bounds, rules: Rules, amended: int) -> int:
    """The query: labels that are asked for again, then the next samples that nobody was asked for.

    Another model asks for others. What was asked for and is withdrawn before anybody answered leaves its part of the
    budget.
    """
    asked, gone = attempt.asked, world.gone(amended)
    paid = asked & ~gone | attempt.labels
    size = min(bounds.batch, bounds.budget + world.more(amended) - paid.bit_count())
    if size <= 0:
        return 0
    taken = asked | gone if rules.queries_leave_out_withdrawn else asked
    free = [1 << number for number in range(bounds.pool) if not taken >> number & 1]
    again = _rechecks(attempt, gone, bounds, rules)[:size]
    return sum(again) + sum((free if result == 0 else free[::-1])[: size - len(again)])


def _rechecks(attempt: Attempt, gone: int, bounds: Bounds, rules: Rules) -> list[int]:
    labelled = (attempt.labels if rules.rechecks_of_labels else attempt.asked) & ~gone
    bits = [1 << bounds.pool + number for number in range(bounds.pool) if labelled >> number & 1]
    return [bit for bit in bits if not (rules.rechecks_once and attempt.asked & bit)][: bounds.rechecks]


def _commit_of(world: World, attempt: Attempt) -> Commit:
    """The commit that publish writes: all objects of all records."""
    records = (world.record(attempt, stage) for stage in (*_before("publish", attempt.cycle), "publish"))
    return Commit(attempt, tuple(reference for record in records if record for reference in record.objects))


Continued = tuple[str, World, Runner | None]


def _continuations(world: World, runner: Runner, bounds: Bounds, rules: Rules) -> Iterable[Continued]:
    """What a process in a stage may do next."""
    if runner.stage == "ingest":
        return _ingest(world, runner, bounds, rules)
    if runner.stage == "publish" and runner.step not in ("object", "record", "late objects"):
        return _publish(world, runner, rules)
    return _stage(world, runner, rules)


def _ingest(world: World, runner: Runner, bounds: Bounds, rules: Rules) -> Iterator[Continued]:
    if runner.step == "commits":
        for what, then in _reads_commits(world, runner._replace(step="csv")) if not world.ended else ():
            yield what, world, then
        return
    if runner.step == "amendments":
        attempt = None if runner.attempt is None else runner.attempt._replace(amended=world.amended)
        step = "csv" if attempt is None else "decision"
        yield "ingest reads amendments", world, runner._replace(step=step, attempt=attempt, amended=world.amended)
        return
    if runner.step == "decision":
        assert runner.attempt is not None
        after = world._replace(decisions=world.decisions | {runner.attempt})
        yield f"decision of cycle {runner.attempt.cycle}", after, None
        return
    assert runner.commit is not None
    if runner.step in ("csv", "receipt") and rules.ingest_mends and runner.commit.query:
        yield from _hand_out(world, runner, runner._replace(step="answers"), rules)
        return
    last = runner.commit
    asked, gone = last.query | last.attempt.asked, world.gone(runner.amended)
    answers = world.answers & ~(0 if rules.former_names_count else world.former)
    labels = answers & asked & ~gone | last.attempt.labels & gone
    awaited = last.query & ~gone if rules.withdrawn_is_not_awaited else last.query
    if (labels & awaited).bit_count() < min(bounds.enough, awaited.bit_count()):
        yield "ingest waits", world, None
        return
    following = Attempt(
        cycle=last.attempt.cycle + 1,
        labels=labels,
        asked=asked if rules.outstanding_counts else labels,
        previous=last.digest,
        amended=runner.amended,
        learnt=labels & ~gone if rules.labels_leave_out_withdrawn else labels,
    )
    yield "ingest reads answers", world, Runner("ingest", "decision", following)


def _stage(world: World, runner: Runner, rules: Rules) -> Iterator[Continued]:
    """Write object after object, then the record, unless there is one."""
    assert runner.attempt is not None
    cycle = runner.attempt.cycle
    missing = [one for one in runner.objects if one not in world.objects]
    if rules.objects_before_record and runner.step == "object":
        yield from _write_objects(world, runner, missing, runner._replace(step="record"))
        return
    if runner.step == "late objects":
        yield from _write_objects(world, runner, missing, None)
        return
    record = Record(runner.attempt, runner.stage, runner.objects)
    present = world.record(runner.attempt, runner.stage)
    records = world.records
    if present is None:
        records = records | {record}
    elif not rules.record_if_absent:
        records = records - {present} | {record}
    after = world._replace(records=records)
    then = None if rules.objects_before_record else runner._replace(step="late objects")
    if runner.stage == "publish" and then is None:
        then = runner._replace(step="commit", objects=(), commit=_commit_of(after, runner.attempt))
    what = f"record {runner.stage} of cycle {cycle}"
    yield what, after, then
    if present is None:
        yield f"{what} (no answer)", after, runner._replace(step="record")


def _write_objects(world: World, runner: Runner, missing: list[Reference], then: Runner | None) -> Iterator[Continued]:
    if not missing:
        yield f"{runner.stage} has its objects", world, then
        return
    what = f"object {missing[0].name} of cycle {missing[0].attempt.cycle}"
    after = world._replace(objects=world.objects | {missing[0]})
    yield what, after, runner if len(missing) > 1 else then


def _publish(world: World, runner: Runner, rules: Rules) -> Iterator[Continued]:
    assert runner.attempt is not None
    cycle = runner.attempt.cycle
    if runner.step == "commit":
        yield from _commit(world, runner, cycle, rules)
    elif runner.step == "winner":
        winner = world.commits[cycle]
        then = runner._replace(step="csv", commit=winner) if winner.query else None
        yield "publish reads the winner", world, then
    else:
        then = None if rules.commit_before_hand_out else runner._replace(step="object", commit=None)
        yield from _hand_out(world, runner, then, rules)


def _commit(world: World, runner: Runner, cycle: int, rules: Rules) -> Iterator[Continued]:
    assert runner.commit is not None
    commits, handed_out, receipts = world.commits, world.handed_out, world.receipts
    absent = cycle == len(commits)
    if absent:
        commits = (*commits, runner.commit)
        if cycle == len(handed_out):
            handed_out, receipts = (*handed_out, None), (*receipts, False)
    elif not rules.commit_if_absent:
        commits = (*commits[:cycle], runner.commit, *commits[cycle + 1 :])
    after = world._replace(commits=commits, handed_out=handed_out, receipts=receipts)
    then = runner._replace(step="winner", objects=(), commit=None) if rules.commit_before_hand_out else None
    what = f"commit of cycle {cycle}"
    yield what, after, then
    if absent:
        yield f"{what} (no answer)", after, runner


def _hand_out(world: World, runner: Runner, then: Runner | None, rules: Rules) -> Iterator[Continued]:
    """Write the CSV unless it is there, then the receipt unless it is there."""
    assert runner.commit is not None
    cycle = runner.commit.attempt.cycle
    handed_out, receipts = [*world.handed_out], [*world.receipts]
    if cycle == len(handed_out):
        handed_out, receipts = [*handed_out, None], [*receipts, False]
    if runner.step == "csv":
        absent = handed_out[cycle] is None
        known = runner.amended if runner.stage == "ingest" else runner.commit.attempt.amended
        delivered = runner.commit.query & ~world.gone(known)
        answers = world.answers
        if absent or not rules.csv_if_absent:
            handed_out[cycle] = delivered
            answers &= ~delivered  # they were in the file that is replaced
        former = world.former & answers
        after = world._replace(handed_out=tuple(handed_out), receipts=tuple(receipts), answers=answers, former=former)
        what, following = f"csv of cycle {cycle}", runner._replace(step="receipt")
    else:
        absent = not receipts[cycle]
        receipts[cycle] = True
        after = world._replace(handed_out=tuple(handed_out), receipts=tuple(receipts))
        what, following = f"receipt of cycle {cycle}", then
    yield what, after, following
    if absent:
        yield f"{what} (no answer)", after, runner
