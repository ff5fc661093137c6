"""The history of promotions in the store: one order, whatever happens at once, and nothing lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking import promoting
from labelcycle.components.tracking.promoting import judge_new_cycles, promote
from labelcycle.components.tracking.promotion import Gate
from labelcycle.components.tracking.promotion_history import read_champion, read_history
from tests.components.tracking.conftest import new_campaign


@pytest.fixture
def pets(tmp_path: Path) -> Any:
    """A campaign of a cold start and two models, the first one the better."""
    made = new_campaign(tmp_path / "campaign")
    made.commit_cold_start()
    made.commit_training(accuracy=0.8)
    made.commit_training(accuracy=0.7)
    return made


def outcomes(pets: Any) -> list[tuple[int, str]]:
    return [(one.challenger.cycle, one.outcome) for one in read_history(pets.store).promotions]


def test_without_a_record_there_is_no_champion(pets: Any) -> None:
    assert read_champion(pets.store) is None and read_history(pets.store).promotions == []


def test_every_model_is_judged_once(pets: Any) -> None:
    for _ in range(2):
        judge_new_cycles(pets.store, read_state(pets.store))
        assert outcomes(pets) == [(1, "promoted"), (2, "refused")]
    pets.commit_training(accuracy=0.9)
    history = judge_new_cycles(pets.store, read_state(pets.store))
    assert outcomes(pets) == [(1, "promoted"), (2, "refused"), (3, "promoted")]
    assert {one.by for one in history.promotions} == {"labelcycle"}
    champion = read_champion(pets.store)
    assert champion is not None and (champion.cycle, champion) == (3, history.champion)


def test_a_refused_model_stays_refused_and_each_request_is_kept(pets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    state = read_state(pets.store)
    asked = promote(pets.store, state, state.commits[2], Gate())
    assert (asked.already, asked.promotion.outcome, asked.promotion.by) == (False, "refused", "somebody")
    assert outcomes(pets) == [(1, "promoted"), (2, "refused"), (2, "refused")]
    assert read_champion(pets.store) == read_history(pets.store).promotions[0].challenger


def test_a_tolerance_lets_it_pass(pets: Any) -> None:
    state = read_state(pets.store)
    asked = promote(pets.store, state, state.commits[2], Gate(tolerance=0.1, class_margin=0.1))
    assert (asked.promotion.outcome, asked.promotion.gate.tolerance) == ("promoted", 0.1)
    champion = read_champion(pets.store)
    assert champion is not None and champion.cycle == 2


def test_a_forced_one_is_told_as_such_with_the_reason(pets: Any) -> None:
    state = read_state(pets.store)
    asked = promote(pets.store, state, state.commits[2], Gate(), force="the customer wants it")
    assert asked.promotion.outcome == "forced" and asked.verdict is not None and not asked.verdict.passed
    assert asked.promotion.summary == (
        "forced: the customer wants it (accuracy 0.7000, the champion, cycle 1, has 0.8000)"
    )
    again = promote(pets.store, state, state.commits[2], Gate(), force="once more")
    assert (again.already, again.promotion) == (True, asked.promotion)
    assert len(outcomes(pets)) == 3


def test_the_next_cycle_is_compared_with_the_champion_in_force(pets: Any) -> None:
    state = read_state(pets.store)
    promote(pets.store, state, state.commits[2], Gate(), force="because")
    pets.commit_training(accuracy=0.75)
    history = judge_new_cycles(pets.store, read_state(pets.store))
    assert history.promotions[-1].summary == "promoted: accuracy 0.7500, the champion, cycle 2, has 0.7000"


def test_another_record_first_means_judging_again(pets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our look and our write cycle 2 is forced; our request must be judged against that one."""
    state = read_state(pets.store)
    judge_new_cycles(pets.store, state)
    pets.commit_training(accuracy=0.75)
    state = read_state(pets.store)
    judge_new_cycles(pets.store, state)
    real, rival = promoting.append_promotion, []

    def late(store: Any, promotion: Any) -> bool:
        if not rival:
            rival.append(True)
            promote(store, state, state.commits[2], Gate(), force="quicker")
        return real(store, promotion)

    monkeypatch.setattr(promoting, "append_promotion", late)
    asked = promote(pets.store, state, state.commits[3], Gate())
    assert asked.promotion.summary == "promoted: accuracy 0.7500, the champion, cycle 2, has 0.7000"
    assert outcomes(pets)[-2:] == [(2, "forced"), (3, "promoted")]


def test_many_at_once_have_one_order(tmp_path: Path) -> None:
    pets = new_campaign(tmp_path / "campaign")
    pets.commit_cold_start()
    for number in range(8):
        pets.commit_training(accuracy=0.5 + number / 100)
    state = read_state(pets.store)
    commits = state.commits[1:]
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda commit: promote(pets.store, state, commit, Gate(), force="race"), commits))
    found = outcomes(pets)
    assert [cycle for cycle, _ in found[:8]] == list(range(1, 9))
    asked = [cycle for cycle, _ in found[8:]]
    assert set(range(1, 8)) <= set(asked) and len(asked) == len(set(asked))
    champion = read_champion(pets.store)
    assert champion is not None and champion.cycle == asked[-1]


def test_many_at_once_have_one_order_on_s3(s3_root: str) -> None:
    pets = new_campaign(s3_root)
    pets.commit_cold_start()
    for number in range(4):
        pets.commit_training(accuracy=0.5 - number / 100)
    state = read_state(pets.store)
    with ThreadPoolExecutor(4) as executor:
        list(
            executor.map(
                lambda commit: promote(open_store(s3_root), state, commit, Gate(), force="race"), state.commits[1:]
            )
        )
    found = outcomes(pets)
    assert found[:4] == [(1, "promoted"), (2, "refused"), (3, "refused"), (4, "refused")]
    assert {cycle for cycle, _ in found[4:]} >= {2, 3, 4}
    champion = read_champion(pets.store)
    assert champion is not None and champion.cycle == found[-1][0]


def test_force_is_not_needed_where_the_gate_lets_it_pass(pets: Any) -> None:
    state = read_state(pets.store)
    asked = promote(pets.store, state, state.commits[2], Gate(tolerance=1, class_margin=1), force="to be sure")
    assert asked.promotion.summary.startswith("promoted: to be sure (accuracy 0.7000, ")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(b"{}"), "is not a record"),
        (lambda path: path.unlink(), "is missing although"),
        (lambda path: path.write_text(path.read_text().replace("0.8", "0.9")), "does not follow the record before"),
        (lambda path: path.write_bytes(path.with_name("000001.json").read_bytes()), "is the record of number 1"),
    ],
)
def test_a_damaged_history_is_refused(pets: Any, harm: Any, message: str) -> None:
    judge_new_cycles(pets.store, read_state(pets.store))
    harm(Path(pets.root) / "promotions/000000.json")
    with pytest.raises(CampaignError, match=message):
        read_history(pets.store)


def test_files_of_others_in_the_folder_are_ignored(pets: Any) -> None:
    judge_new_cycles(pets.store, read_state(pets.store))
    (Path(pets.root) / "promotions/notes.txt").write_text("ours")
    assert len(outcomes(pets)) == 2
    record = json.loads((Path(pets.root) / "promotions/000001.json").read_bytes())
    assert (record["number"], record["outcome"], record["champion"]["cycle"]) == (1, "refused", 1)
