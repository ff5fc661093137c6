"""The page in a real browser, by the keyboard alone."""

import csv
import signal
from pathlib import Path

import pytest

from tests.conftest import Bench, Pictures
from tests.pipelines.label_page.conftest import begin_with_people
from tests.services.label_page.conftest import HOSTILE_CLASS, Open, Shown

KEYS = {"blue": "1", "green": "2", "red": "3"}


def said(bench: Bench, cycle: int = 1) -> dict[str, str]:
    """Label or status of every sample that has one."""
    with (Path(bench.root) / f"queries/cycle-{cycle:04d}.csv").open(newline="") as file:
        return {
            row["sample_id"]: row["label"] or row["status"]
            for row in csv.DictReader(file)
            if row["label"] or row["status"]
        }


def focused(shown: Shown) -> str:
    found: str = shown.page.evaluate("document.activeElement.id || document.activeElement.dataset.label || ''")
    return found


def test_a_whole_query(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    given = {}
    for _ in range(8):
        sample = shown.sample
        given[sample] = sample.partition("/")[0]
        shown.press(KEYS[given[sample]])
    assert said(bench) == given and len(given) == 8
    assert shown.text("#done-title") == "All answered" and focused(shown) == "done-title"
    assert shown.text("#next") == f"labelcycle run {bench.root}"
    assert shown.page.title() == "8/8 · campaign"
    assert shown.complaints == []
    assert all(address.startswith(shown.server.address) for address in shown.requests)


def test_who_is_done_before_others_is_not_told_to_go_on(open_page: Open, tmp_path: Path, pictures: Pictures) -> None:
    bench = begin_with_people(tmp_path / "crew", pictures, quorum=2)
    first, second = (open_page(bench, "--annotator", name) for name in ("mara", "noor"))
    for shown in (first, second):
        for _ in range(8):
            shown.press(KEYS[shown.sample.partition("/")[0]])
    assert first.text("#done-title") == "Your part is done" and not first.page.locator("#continue").is_visible()
    assert second.text("#done-title") == "All answered" and second.page.locator("#continue").is_visible()


def test_skip_unsure_and_undo(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    samples = []
    for key in ("s", "x", "1"):
        samples.append(shown.sample)
        shown.press(key)
    assert said(bench) == dict(zip(samples, ("skip", "unsure", "blue"), strict=True))
    shown.press("u")
    assert shown.sample == samples[2] and shown.text("#status") == "The last answer is taken back."
    shown.press("Control+z")
    assert shown.sample == samples[1] and said(bench) == {samples[0]: "skip"}
    shown.press("2")
    assert said(bench)[samples[1]] == "green" and shown.sample == samples[2]


def test_undo_from_the_last_page(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    for _ in range(8):
        shown.press("1")
    shown.page.keyboard.press("u")
    shown.page.wait_for_selector("#work:not([hidden])")
    shown.settle()
    assert len(said(bench)) == 7


def test_the_guess_is_hidden_until_it_is_asked_for_and_again_with_the_next_image(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    assert not shown.page.locator("#guess").is_visible()
    assert shown.page.locator("#guess").text_content() == "" and not any("guess" in one for one in shown.requests)
    shown.press("g")
    assert shown.text("#guess").startswith("The model’s guess: ") and "% sure" in shown.text("#guess")
    shown.press("g")
    assert not shown.page.locator("#guess").is_visible()
    shown.press("g", "1")
    assert not shown.page.locator("#guess").is_visible()


def test_neighbours_stay_once_they_are_wanted(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    assert not shown.page.locator("#neighbours").is_visible()
    shown.press("n")
    labels = shown.page.locator("#alike li").all_inner_texts()
    assert len(labels) == 6 and labels[0] == shown.sample.partition("/")[0]
    shown.press("1")
    assert shown.page.locator("#alike li").count() == 6
    shown.page.reload()
    shown.settle()
    assert shown.page.locator("#neighbours").is_visible()
    shown.press("n")
    assert not shown.page.locator("#neighbours").is_visible()


def test_every_button_is_reached_by_tab_and_keeps_the_focus(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    reached = []
    for _ in range(9):
        shown.page.keyboard.press("Tab")
        reached.append(focused(shown))
    assert reached == ["blue", "green", "red", "unsure", "skip", "show-guess", "show-neighbours", "keys", ""]
    shown.page.locator("[data-label=green]").focus()
    sample = shown.sample
    shown.press("Enter")
    assert said(bench) == {sample: "green"} and focused(shown) == "green"
    shown.press("Space")
    assert list(said(bench).values()) == ["green", "green"]


def test_keys_can_be_switched_off(open_page: Open, bench: Bench) -> None:
    """For those whose software types by itself, such as speech input."""
    shown = open_page(bench)
    shown.page.locator("#keys").focus()
    shown.press("Enter", "1", "s", "u")
    assert said(bench) == {} and shown.page.locator("#keys").get_attribute("aria-pressed") == "false"
    shown.page.reload()
    shown.settle()
    shown.press("1")
    assert said(bench) == {}


def test_many_classes_are_found_by_name(open_page: Open, many_classes: Bench) -> None:
    shown = open_page(many_classes)
    assert shown.page.locator("#classes button").count() == 60
    assert shown.page.locator("#classes kbd").count() == 31, "ten digits, and the letters that are no commands"
    first = shown.sample
    shown.press("/")
    shown.page.keyboard.type("red")
    assert shown.text("#found") == "Enter answers red; 1 found"
    shown.press("Enter")
    second = shown.sample
    assert focused(shown) == "filter", "so that one can go on typing"
    shown.page.keyboard.type("colour 5")
    shown.press("ArrowDown", "ArrowDown", "Enter")
    third = shown.sample
    shown.page.keyboard.type("nothing")
    assert shown.text("#found") == "No class is called so"
    shown.press("Enter", "Escape")
    assert shown.page.locator("#classes button:visible").count() == 60
    assert shown.sample == third
    shown.press("a")
    assert said(many_classes, 0) == {first: "red", second: "colour 52", third: "colour 06"}


def test_names_are_text(open_page: Open, many_classes: Bench) -> None:
    shown = open_page(many_classes)
    assert shown.page.locator("#classes button").nth(3).inner_text().startswith(HOSTILE_CLASS)
    sample = shown.sample
    shown.press("4")
    assert said(many_classes, 0) == {sample: HOSTILE_CLASS}
    assert shown.complaints == [] and shown.page.locator("#classes img").count() == 0


def test_nothing_is_answered_before_its_image_is_seen(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    held = []
    shown.page.route("**/images/*", lambda route: held.append(route))
    shown.page.reload()
    shown.page.wait_for_selector("#work:not([hidden])")
    while not held:
        shown.page.wait_for_timeout(20)
    shown.page.keyboard.press("1")
    shown.page.wait_for_timeout(200)
    assert said(bench) == {}
    for route in held:
        route.continue_()
    shown.page.unroute("**/images/*")
    shown.press("1")
    assert list(said(bench).values()) == ["blue"]


def test_a_server_that_is_gone_is_told_and_nothing_is_lost(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    first = shown.sample
    shown.press("1")
    second = shown.sample
    shown.server.process.send_signal(signal.SIGKILL)
    shown.server.process.wait()
    shown.page.keyboard.press("2")
    shown.page.wait_for_selector("#notice:not([hidden])")
    assert "not saved" in shown.text("#notice") and shown.sample == second
    assert said(bench) == {first: "blue"}
    assert open_page(bench).sample == second


@pytest.mark.parametrize("key", ["1", "3"])
def test_another_answer_meanwhile_stays(open_page: Open, bench: Bench, key: str) -> None:
    shown, other = open_page(bench), open_page(bench)
    sample = shown.sample
    other.press("1")
    shown.press(key)
    assert said(bench) == {sample: "blue"} and shown.sample != sample
    assert ("meanwhile" in shown.text("#status")) == (key == "3")


def test_the_next_query_comes_by_itself(open_page: Open, bench: Bench) -> None:
    shown = open_page(bench)
    for _ in range(8):
        shown.press(KEYS[shown.sample.partition("/")[0]])
    bench.run_cycle()
    shown.page.wait_for_selector("#work:not([hidden])")
    shown.settle()
    assert shown.text("#count") == "0 of 8 · cycle 2"
    for _ in range(8):
        shown.press(KEYS[shown.sample.partition("/")[0]])
    bench.run_cycle()
    shown.page.wait_for_function("() => document.querySelector('#done-title').textContent === 'Nothing is asked'")
    assert "budget of 24 labels is spent" in shown.text("#done-text") and not shown.page.locator("#next").is_visible()
