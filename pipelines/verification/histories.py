"""The histories that commits keep: whether each says of the cycles before it what those have committed."""

from collections.abc import Iterator

from labelcycle.components.core.campaign.commits import Commit, commit_key
from labelcycle.components.core.campaign.history import History, Segment, history_of, read_past_cycles
from labelcycle.components.core.campaign.history_tables import last_votes, read_requests, read_votes, spans
from labelcycle.components.core.campaign.summary import read_summary
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.pipelines.verification.findings import Finding


def read_histories(store: Store, commits: list[Commit]) -> dict[int, History]:
    """The histories of the commits that name one, by cycle; one that cannot be read is found among the contents."""

    def read(commit: Commit) -> History:
        try:
            return history_of(store, commit)
        except CampaignError:
            return History()

    naming = [commit for commit in commits if "history" in commit.objects]
    return dict(zip((commit.cycle for commit in naming), concurrently(read, naming), strict=True))


def check_histories(store: Store, commits: list[Commit], histories: dict[int, History]) -> Iterator[Finding]:
    """Histories that leave cycles out, or say something else than the cycles themselves.

    Cost: reads each segment once, and the cycles of it once; a cycle is in at most log2(n) segments.
    """
    by_cycle = {commit.cycle: commit for commit in commits}
    seen: set[Segment] = set()
    for cycle, history in histories.items():
        found = [(segment.first, segment.last) for segment in history.segments]
        if history.segments and found != spans(cycle):
            yield _apart(by_cycle[cycle], f"its history covers other cycles than the {cycle} before it")
        for segment in history.segments:
            if segment not in seen:
                seen.add(segment)
                yield from _check_segment(store, by_cycle, cycle, segment)


def _check_segment(store: Store, by_cycle: dict[int, Commit], cycle: int, segment: Segment) -> Iterator[Finding]:
    numbers = range(segment.first, segment.last + 1)
    if any(number not in by_cycle for number in numbers):
        return  # a missing commit is found elsewhere
    commits = [by_cycle[number] for number in numbers]
    alone = History(segments=[segment])
    try:
        past = read_past_cycles(store, alone)
        expected = read_requests(store, History(), commits), last_votes(read_votes(store, History(), commits))
        same = (
            [each.commit for each in past] == commits
            and [each.summary for each in past] == concurrently(lambda commit: read_summary(store, commit), commits)
            and (read_requests(store, alone), read_votes(store, alone)) == expected
        )
    except CampaignError:
        return  # damage is found where contents are checked
    if not same:
        yield _apart(by_cycle[cycle], f"its history of cycles {segment.first} to {segment.last} is not theirs")


def _apart(commit: Commit, what: str) -> Finding:
    message = f"{what[0].upper()}{what[1:]}. Restore both from a backup of one time."
    return Finding("inconsistent", commit_key(commit.cycle), message)
