"""Many answers at once: beside what others write meanwhile, and each person's own where several label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.pipelines.label_page import many_answers
from labelcycle.pipelines.label_page.answer_sheet import PersonsAnswer
from labelcycle.pipelines.label_page.many_answers import answers_so_far, write_answers
from labelcycle.pipelines.label_page.open_queries import read_open_queries
from tests.conftest import Bench, Pictures
from tests.pipelines.label_page.conftest import begin_with_people, session_of

RED = PersonsAnswer("red", "ok")


def said(bench: Bench) -> dict[str, str]:
    store = open_store(bench.root)
    found = answers_so_far(store, bench.root, read_open_queries(store, bench.root))
    return {sample_id: answer.said for (_, sample_id), answer in found.items()}


def write(bench: Bench, answers: dict[str, PersonsAnswer]) -> dict[str, PersonsAnswer]:
    store = open_store(bench.root)
    return write_answers(store, bench.root, read_open_queries(store, bench.root), answers)


def asked(bench: Bench) -> list[str]:
    return [request.sample_id for request in read_open_queries(open_store(bench.root), bench.root).asked]


def meddle(monkeypatch: pytest.MonkeyPatch, before_write: Callable[[int], bool]) -> None:
    """Let somebody else come first at each write for which `before_write`, given its number, says so."""
    real, calls = FolderStore.write_if_unchanged, [0]

    def unless_meddled(store: FolderStore, key: str, data: bytes, before: bytes) -> bool:
        calls[0] += 1
        return False if before_write(calls[0]) else real(store, key, data, before)

    monkeypatch.setattr(FolderStore, "write_if_unchanged", unless_meddled)
    monkeypatch.setattr(many_answers, "SECONDS_BETWEEN_TRIES", 0)


def test_what_others_answer_meanwhile_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = asked(bench)

    def answer_first(number: int) -> bool:
        if number == 1:
            session_of(bench).answer(0, first, "blue", "ok")  # which is the second write
        return number == 1

    meddle(monkeypatch, answer_first)
    write(bench, {second: RED})
    assert said(bench) == {first: "blue", second: "red"}


def test_others_who_never_pause_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    meddle(monkeypatch, lambda number: True)
    with pytest.raises(TransientError, match="Others write .* without a pause"):
        write(bench, {asked(bench)[0]: RED})
    assert said(bench) == {}


def test_a_sample_has_other_names_too(bench: Bench) -> None:
    sample = asked(bench)[0]
    assert write(bench, {Path(sample).with_suffix("").as_posix(): RED}) == {sample: RED}


def test_where_several_label_each_answer_is_somebodys(pictures: Pictures, tmp_path: Path) -> None:
    bench = begin_with_people(tmp_path / "several", pictures, quorum=2)
    sample: Any = asked(bench)[0]
    with pytest.raises(ConfigurationError, match="Several people label this campaign: say whose answers these are"):
        write(bench, {sample: RED})
    write(bench, {sample: PersonsAnswer("red", "ok", "ann")})
    write(bench, {sample: PersonsAnswer("blue", "ok", "ben")})
    write(bench, {sample: PersonsAnswer("green", "ok", "ann")})
    votes = (Path(bench.root) / "queries" / "cycle-0000.csv").read_text()
    assert [name in votes for name in ("green,,ann", "blue,,ben", "red,,ann")] == [True, True, False]
