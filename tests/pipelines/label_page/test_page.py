"""What the page is answered over HTTP, and to whom nothing is."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from tests.conftest import Bench
from tests.pipelines.label_page.conftest import ADDRESS, PORT, TOKEN, Page


def rows(bench: Bench, cycle: int = 0) -> dict[str, dict[str, str]]:
    """What the CSV of a query says, by sample."""
    with (Path(bench.root) / f"queries/cycle-{cycle:04d}.csv").open(newline="") as file:
        return {row["sample_id"]: row for row in csv.DictReader(file)}


def test_an_answer_is_in_the_csv_before_the_next_image_comes(page: Page, bench: Bench) -> None:
    first = page.get("api/task").json()
    assert first["progress"] == {"cycle": 0, "asked": 8, "answered": 0, "earlier": 0, "for_others": 0}
    assert not first["can_undo"]
    after = page.answer(label="red")
    asked = list(rows(bench))
    assert first["task"]["sample_id"] == asked[0] and after["task"]["sample_id"] == asked[1]
    assert rows(bench)[asked[0]]["label"] == "red"
    assert after["progress"]["answered"] == 1 and after["can_undo"]


def test_unsure_and_skip(page: Page, bench: Bench) -> None:
    page.answer(status="unsure")
    page.answer(status="skip")
    assert [row["status"] for row in rows(bench).values()][:3] == ["unsure", "skip", ""]


def test_undo_brings_the_last_image_back(page: Page, bench: Bench) -> None:
    page.answer(label="red")
    shown = page.answer(label="blue")["task"]["sample_id"]
    undone = page.post("api/undo", {}).json()
    asked = list(rows(bench))
    assert shown == asked[2] and undone["task"]["sample_id"] == asked[1]
    assert [row["label"] for row in rows(bench).values()][:2] == ["red", ""]
    assert page.post("api/undo", {}).json()["task"]["sample_id"] == asked[0]
    nothing = page.post("api/undo", {}).json()
    assert nothing["task"]["sample_id"] == asked[0] and not nothing["can_undo"]


def test_another_start_goes_on_and_can_undo(page: Page, bench: Bench, open_page: Callable[..., Page]) -> None:
    page.answer(label="red")
    again = open_page(bench)
    assert again.get("api/task").json()["task"]["sample_id"] == list(rows(bench))[1]
    assert again.post("api/undo", {}).json()["task"]["sample_id"] == list(rows(bench))[0]


def test_when_all_is_answered_the_next_cycle_trains_on_it(
    page: Page, bench: Bench, open_page: Callable[..., Page]
) -> None:
    while task := page.get("api/task").json()["task"]:
        page.answer(label=task["sample_id"].partition("/")[0])
    assert bench.run_cycle().query_size == 8
    learnt = bench.work.labelled()
    assert len(learnt) == 8 and all(name.startswith(label) for name, label in learnt.items())
    later = page.get("api/task").json()
    assert later["version"] == 2 and later["progress"]["cycle"] == 1 and later["task"]["has_guess"]


def test_the_page_learns_that_the_campaign_is_over(page: Page, bench: Bench) -> None:
    for _ in range(2):
        while task := page.get("api/task").json()["task"]:
            page.answer(label=task["sample_id"].partition("/")[0])
        bench.run_cycle()
    last = page.get("api/task").json()
    assert last["task"] is None and "budget of 16 labels is spent" in last["over"]


def test_classes_that_are_amended_are_offered_at_once(page: Page, bench: Bench) -> None:
    """What was answered by a former name counts as what that is now."""
    first = page.get("api/task").json()
    page.answer(label="red")
    amend_campaign(open_store(bench.root), WantedChanges(classes=["+grey"], renamed=["red=crimson"]), "")
    later = page.get("api/task").json()
    assert later["version"] != first["version"] and later["progress"]["answered"] == 1
    assert page.get("api/campaign").json()["classes"] == ["blue", "green", "crimson", "grey"]
    page.answer(label="grey")
    labels = {one["label"] for one in page.get(f"api/similar?sample={later['task']['sample_id']}").json()}
    assert labels == {"crimson"}


def test_the_guess_comes_only_when_it_is_asked_for(page: Page, bench: Bench) -> None:
    first = page.get("api/task").json()["task"]
    assert not first["has_guess"]
    while task := page.get("api/task").json()["task"]:
        page.answer(label=task["sample_id"].partition("/")[0])
    bench.run_cycle()
    answer = page.get("api/task")
    task = answer.json()["task"]
    predicted = rows(bench, 1)[task["sample_id"]]["predicted"]
    assert predicted in ("blue", "green", "red")
    assert set(task) == {"cycle", "sample_id", "image", "has_guess"}, "nothing that gives the guess away"
    guess = page.get(f"api/guess?cycle=1&sample={task['sample_id']}").json()
    assert guess["label"] == predicted and 0 < guess["confidence"] <= 1
    assert page.get(f"api/guess?cycle=0&sample={task['sample_id']}").json()["label"] is None


def test_neighbours_are_labelled_and_alike(page: Page, bench: Bench) -> None:
    assert page.get(f"api/similar?sample={next(iter(rows(bench)))}").json() == []
    while len([1 for row in rows(bench).values() if row["label"]]) < 7:
        page.answer(label=page.get("api/task").json()["task"]["sample_id"].partition("/")[0])
    task = page.get("api/task").json()["task"]
    found = page.get(f"api/similar?sample={task['sample_id']}").json()
    assert len(found) == 6
    colours = [one["label"] for one in found]
    mine = task["sample_id"].partition("/")[0]
    same = sum(row["label"] == mine for row in rows(bench).values())
    assert colours[:same] == [mine] * same
    assert page.get(found[0]["image"]).headers["content-type"] == "image/png"


def test_an_image_as_it_is(page: Page, pictures: Any) -> None:
    task = page.get("api/task").json()["task"]
    answer = page.get(task["image"])
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert answer.content == (pictures.images / task["sample_id"]).read_bytes()


def test_an_image_that_changed_is_not_shown(bench: Bench, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(bench)
    task = page.get("api/task").json()["task"]
    digest = task["image"].rpartition("/")[2]
    session_images = page.get(f"images/{digest}")
    assert session_images.status_code == 200
    assert page.get("images/" + "0" * 64).status_code == 404


def test_only_images_that_are_asked_about_or_labelled(page: Page, bench: Bench) -> None:
    pool = load_pool(open_store(bench.root), bench.state.campaign)
    digests = dict(zip(pool["sample_id"].to_pylist(), pool["sha256"].to_pylist(), strict=True))
    served = {name for name, digest in digests.items() if page.get(f"images/{digest}").status_code == 200}
    assert served == set(rows(bench))


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "images/../../../../etc/passwd",
        "images/..%2f..%2f..%2fetc%2fpasswd",
        "images/%2fetc%2fpasswd",
        "application.py",
        "..%2fapplication.py",
        "images/x/small",
        "api/nothing",
        "images/%00",
    ],
)
def test_nothing_else_is_served(page: Page, path: str) -> None:
    assert page.get(path).status_code == 404


@pytest.mark.parametrize("path", ["", "api/task", "page.js"])
@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
def test_who_does_not_know_the_token_gets_nothing(page: Page, token: str, path: str) -> None:
    answer = page.client.get(f"/{token}/{path}" if token else f"/{path}")
    assert answer.status_code == 404 and "campaign" not in answer.text
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200),
        (f"localhost:{PORT}", 200),
        (f"LOCALHOST:{PORT}", 200),
        (f"[::1]:{PORT}", 200),
        ("127.0.0.1:9000", 200),
        ("localhost", 200),
        (f"evil.example:{PORT}", 421),
        (f"127.0.0.1.evil.example:{PORT}", 421),
        (f"192.0.2.7:{PORT}", 421),
        (f"user@127.0.0.1:{PORT}", 421),
        (f"127.0.0.1:{PORT}/x", 421),
        ("127.0.0.1:port", 421),
    ],
)
def test_names_that_lead_here(page: Page, host: str, status: int) -> None:
    """A page at a name of its own that leads to this machine (DNS rebinding) learns nothing."""
    assert page.get("api/task", host=host).status_code == status


def test_other_machines_reach_it_by_number(bench: Bench, open_page: Callable[..., Page]) -> None:
    page = open_page(bench, host="0.0.0.0")
    assert page.get("api/task", host=f"192.0.2.7:{PORT}").status_code == 200
    assert page.get("api/task", host=f"evil.example:{PORT}").status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_other_pages_change_nothing(page: Page, bench: Bench, headers: dict[str, str]) -> None:
    task = page.get("api/task").json()["task"]
    body = {"cycle": 0, "sample_id": task["sample_id"], "label": "red", "status": "ok"}
    assert page.post("api/answer", body, **headers).status_code == 403
    assert page.post("api/undo", {}, **headers).status_code == 403
    assert not any(row["label"] for row in rows(bench).values())


def test_other_pages_read_nothing(page: Page) -> None:
    assert page.get("api/task", sec_fetch_site="cross-site").status_code == 403
    assert page.get("api/task", origin="http://evil.example").status_code == 403
    answer = page.get("api/task", origin=ADDRESS)
    assert answer.status_code == 200 and "access-control-allow-origin" not in answer.headers


def test_a_link_in_another_page_opens_this_one(page: Page, bench: Bench) -> None:
    """As one in a terminal within a browser does; images and scripts of it are not opened within that page."""
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert page.get("", sec_fetch_dest="document", **link).status_code == 200
    assert page.get("", sec_fetch_dest="iframe", **link).status_code == 403
    task = page.get("api/task").json()["task"]
    body = {"cycle": 0, "sample_id": task["sample_id"], "label": "red", "status": "ok"}
    sent = {"origin": "http://evil.example", "sec_fetch_dest": "document", **link}
    assert page.post("api/answer", body, **sent).status_code == 403


def test_the_last_slash_may_be_left_out(page: Page) -> None:
    answer = page.client.get(f"/{TOKEN}", follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"] == f"/{TOKEN}/"


def test_reading_changes_nothing(page: Page) -> None:
    assert page.get("api/answer").status_code == 405
    assert page.get("api/undo").status_code == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"label": "purple"}, 409),
        ({"label": ""}, 409),
        ({"status": "withdrawn"}, 409),
        ({"status": "skip", "label": "red"}, 409),
        ({"sample_id": "red/19.pn"}, 409),
        ({"cycle": 7}, 409),
        ({"cycle": "0"}, 422),
        ({"more": 1}, 422),
        ({"label": "x" * 20_000}, 413),
    ],
)
def test_answers_that_are_none(page: Page, bench: Bench, body: dict[str, Any], status: int) -> None:
    task = page.get("api/task").json()["task"]
    given = {"cycle": 0, "sample_id": task["sample_id"], "label": "red", "status": "ok", **body}
    answer = page.post("api/answer", given)
    assert answer.status_code == status and answer.json()["error"]
    assert not any(row["label"] or row["status"] for row in rows(bench).values())


def test_the_page_runs_nothing_but_its_own_script(page: Page) -> None:
    answer = page.get("")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and answer.headers["referrer-policy"] == "no-referrer"
    assert "<script src=" in answer.text and "style=" not in answer.text and "onclick" not in answer.text
    for name in ("page.js", "page.css", "icon.svg"):
        assert page.get(name).status_code == 200
        assert "://" not in page.get(name).text.replace("http://www.w3.org/2000/svg", "")


def test_a_broken_csv_is_told_and_left_alone(page: Page, bench: Bench) -> None:
    path = Path(bench.root) / "queries/cycle-0000.csv"
    path.write_text("nonsense\n")
    task = page.get("api/task")
    assert task.status_code == 409 and "no column sample_id" in task.json()["error"]
    assert path.read_text() == "nonsense\n"
    assert json.loads(page.get("api/campaign").text)["classes"] == ["blue", "green", "red"]
