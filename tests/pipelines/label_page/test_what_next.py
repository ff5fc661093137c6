"""What `labelcycle label` says is next once a person stops: what the next run would do, and no more than that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.label_page.session import LabellingSession
from labelcycle.pipelines.label_page.what_next import what_next
from tests.conftest import Bench, Pictures
from tests.pipelines.label_page.conftest import begin_with_people, session_of


def answer(session: LabellingSession, count: int) -> None:
    for request in session.next_requests(count):
        session.answer(request.cycle, request.sample_id, "red", "ok")


def told(session: LabellingSession) -> list[str]:
    return what_next(open_store(session.root), session)


def test_one_person_labels_on_until_a_run_goes_on(bench: Bench) -> None:
    session = session_of(bench)
    answer(session, 3)
    assert told(session) == [
        "labels are still awaited: 3 of 8 answers are there, 8 are wanted",
        f"next: labelcycle label {bench.root}",
    ]
    answer(session, 5)
    assert told(session) == [f"next: labelcycle run {bench.root}"]


@pytest.fixture
def crew(tmp_path: Path, pictures: Pictures) -> Callable[..., Bench]:
    """A function: settings → a campaign in which two people answer about each of four samples."""
    return lambda **settings: begin_with_people(
        tmp_path / "a campaign", pictures, quorum=2, budget=8, batch=4, **settings
    )


def test_who_has_answered_all_waits_for_the_others(crew: Callable[..., Bench]) -> None:
    bench = crew()
    ann, bob = session_of(bench, "ann"), session_of(bench, "bob b")
    answer(ann, 4)
    awaited = "labels are still awaited: 0 of 4 answers are there, 4 are wanted"
    assert told(ann) == [awaited, f"next, once others have answered: labelcycle run '{bench.root}'"]
    assert told(bob) == [awaited, f"next: labelcycle label '{bench.root}' --annotator 'bob b'"]
    answer(bob, 4)
    assert told(ann) == told(bob) == [f"next: labelcycle run '{bench.root}'"], "what others wrote is seen"


def test_a_share_that_is_enough_lets_a_run_go_on(crew: Callable[..., Bench]) -> None:
    bench = crew(answered_share=0.5)
    ann, bob = session_of(bench, "ann"), session_of(bench, "bob")
    answer(ann, 4)
    for request in ann.queries.asked[:2]:
        bob.answer(request.cycle, request.sample_id, "red", "ok")
    assert told(ann) == [f"next: labelcycle run '{bench.root}'"]
    assert told(bob) == [
        f"next: labelcycle run '{bench.root}'",
        f"or answer the 2 that are open too: labelcycle label '{bench.root}' --annotator bob",
    ]


def test_a_run_that_went_on_meanwhile_is_noticed(bench: Bench) -> None:
    session, other = session_of(bench), session_of(bench)
    answer(other, 8)
    bench.run_cycle()
    assert told(session)[-1] == f"next: labelcycle label {bench.root}" and session.queries.last == 1
    answer(session, 8)
    bench.run_cycle()
    assert told(session)[0].startswith(f"No query of {bench.root} awaits labels")
