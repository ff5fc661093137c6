"""When people are told: a query waits for them, a campaign reaches its target or its end, a cycle fails."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from labelcycle.components.core.campaign.commits import commit_key
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.config.notify import Event
from labelcycle.components.core.errors import LabelcycleError, TransientError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.notification.news import news_of
from labelcycle.components.notification.tell import tell

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def tell_of_commit(store: Store, state: State, cycle: int, place: str) -> None:
    """Tell what a committed cycle means: a target, the end, and, where people label, that a query awaits them.

    Args:
        store: the campaign's.
        state: its state with that commit.
        cycle: the cycle that was committed.
        place: where its query is answered; empty for an empty one, and one that is not delivered yet.
    """
    if state.campaign.notify is None:
        return
    summary = state.summaries[cycle]
    _tell_of_target(store, state, summary)
    if cycle != len(state.commits) - 1:
        return
    if place and state.campaign.labels_from is None:
        tell_of_awaited(store, state, summary.query_size, place)
    tell_of_end(store, state)


def tell_of_awaited(store: Store, state: State, awaited: int, place: str) -> None:
    """Tell that people have to answer the last query.

    Args:
        store: the campaign's.
        state: its state.
        awaited: samples that have no answer yet.
        place: where they are answered.
    """
    many = f"{awaited} {'sample' if awaited == 1 else 'samples'}"
    cycle = len(state.commits) - 1
    news = news_of("labels_awaited", state, store.root, cycle, f"{many} to label", awaited, place)
    tell(store, state.campaign.notify, news)


def tell_of_end(store: Store, state: State) -> None:
    """Tell that a campaign asks for no more, where nobody has ended it on purpose."""
    if state.campaign.notify is None or state.phase != "done" or state.final is not None:
        return
    last = state.summaries[-1]
    spent = last.stopped is None and last.answers + last.outstanding >= state.campaign.budget
    event: Event = "budget_spent" if spent else "campaign_stopped"
    tell(store, state.campaign.notify, news_of(event, state, store.root, last.cycle, state.why_done))


def tell_of_target(root: str, reason: str) -> None:
    """Tell that an accuracy was reached which a run was to stop at."""
    store = open_store(root)
    state = read_state(store)
    tell(store, state.campaign.notify, news_of("target_met", state, store.root, state.trained[-1].cycle, reason))


def tell_of_failure(root: str, failure: str = "") -> bool:
    """Tell that the cycle which is not committed yet failed.

    Args:
        root: the campaign's.
        failure: why, in words; empty where that is not known. Then a cycle has failed which was begun and is not
            committed, as nobody is at work on it any more.

    Returns:
        Whether somebody was told now.

    Raises:
        CampaignError, TransientError, ConfigurationError: the root cannot be read, so whom to tell is not known.
    """
    store = open_store(root)
    state = read_state(store)
    cycle = len(state.commits)
    if not failure:
        if not _was_begun(store, cycle):
            return False
        failure = "it was begun and is not committed; the log of its run says why"
    news = news_of("cycle_failed", state, store.root, cycle, f"failed: {failure}")
    return tell(store, state.campaign.notify, news)


def tells_of_failure(run: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a stage's `run` so that an error which no repetition mends is told at once, before its cycle is begun.

    Other failures are told by the engine, which knows when it gives up. What hinders telling does not hide the error.
    """

    @functools.wraps(run)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return run(*args, **kwargs)
        except LabelcycleError as error:
            if not isinstance(error, TransientError):
                with contextlib.suppress(LabelcycleError, OSError):
                    tell_of_failure(str(inspect.signature(run).bind(*args, **kwargs).arguments["root"]), str(error))
            raise

    return wrapper


@contextlib.contextmanager
def told_of_failures(root: str) -> Iterator[None]:
    """Tell of a failure inside, at most once a cycle, and let it go on; somebody who stops a run is no failure."""
    try:
        yield
    except LabelcycleError as error:
        with contextlib.suppress(LabelcycleError, OSError):  # the failure itself is what is to be seen
            tell_of_failure(root, str(error))
        raise


def _was_begun(store: Store, cycle: int) -> bool:
    begun = any(key.endswith("/decision.json") for key in store.keys(f"cycles/{cycle}/"))
    return begun and not store.exists(commit_key(cycle))


def _tell_of_target(store: Store, state: State, summary: CycleSummary) -> None:
    """Where this cycle is the first to reach the target."""
    notify = state.campaign.notify
    target = None if notify is None else notify.target_accuracy
    if target is None or summary.accuracy is None or summary.accuracy < target:
        return
    if any(past.accuracy is not None and past.accuracy >= target for past in state.summaries[: summary.cycle]):
        return
    reached = f"accuracy {summary.accuracy:.4f} has reached the target of {target:g} with {summary.labels} labels"
    tell(store, notify, news_of("target_met", state, store.root, summary.cycle, reached))
