"""The client: tokens, retries and their bounds, and errors that say what to do."""

import time
from pathlib import Path

import pytest

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.labelling.label_studio import client as client_module
from labelcycle.components.labelling.label_studio.client import ATTEMPTS, LabelStudio, PerhapsDone
from labelcycle.components.labelling.label_studio.tokens import token_of
from tests.harness.label_studio_api import LEGACY, PERSONAL, Api
from tests.security.refusing_server import RefusingServer

PROJECTS = "/api/projects/"


def read(client: LabelStudio) -> object:
    return client.get(PROJECTS, page=1, page_size=10)["results"]


def test_a_personal_token_is_changed_for_an_access_token_once(client: LabelStudio, api: Api) -> None:
    assert read(client) == read(client) == []
    assert api.accesses == 1
    assert all(header != f"Bearer {PERSONAL}" for _, _, header in api.calls)


def test_an_access_token_that_ends_is_renewed(client: LabelStudio, api: Api) -> None:
    api.access_ends_after = 1
    assert [read(client) for _ in range(3)] == [[], [], []]
    assert api.accesses == 3


def test_a_legacy_token(api: Api) -> None:
    legacy = LabelStudio(api.url, token_of(LEGACY, "the test"))
    with pytest.raises(
        ConfigurationError, match="refuses the legacy token.*switched off, as they are by default"
    ) as no:
        read(legacy)
    assert "Account & Settings" in str(no.value) and LEGACY not in str(no.value)
    api.legacy_allowed = True
    assert read(legacy) == []
    assert api.calls[-1][2] == f"Token {LEGACY}"


def test_a_personal_token_that_is_refused(api: Api) -> None:
    wrong = token_of(PERSONAL[:-4] + "AAAA", "the test")
    with pytest.raises(ConfigurationError, match="401: it refuses the personal access token") as no:
        read(LabelStudio(api.url, wrong))
    assert wrong.value not in str(no.value)
    assert api.count("GET") == 0 and api.count("POST") == 1


def test_a_netrc_file_does_not_replace_the_token(
    client: LabelStudio, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert read(client) == []
    assert [header for _, path, header in api.calls if PROJECTS in path] == ["Bearer access-1"]
    assert not any("Basic" in header for _, _, header in api.calls)


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "silent", "torn", "lost"])
def test_what_passes_is_tried_again(client: LabelStudio, api: Api, pauses: list[float], kind: str) -> None:
    api.fail("GET", PROJECTS, kind, times=2)
    assert read(client) == []
    assert api.count("GET") == 3 and len(pauses) == 2


@pytest.mark.parametrize(
    ("kind", "message"),
    [("500", r"failed \(500\)"), ("silent", "was silent for 0.5 s"), ("torn", "torn answer|broke off"), ("429", "429")],
)
def test_what_does_not_pass_ends_as_transient(
    client: LabelStudio, api: Api, pauses: list[float], kind: str, message: str
) -> None:
    api.fail("GET", PROJECTS, kind, times=100)
    with pytest.raises(TransientError, match=f"{message}.*run the same command again"):
        read(client)
    assert len(pauses) == ATTEMPTS - 1
    end = time.monotonic() + 30
    while api.count("GET") < ATTEMPTS and time.monotonic() < end:  # a busy server may read what it was sent later
        time.sleep(0.05)
    assert api.count("GET") == ATTEMPTS


def test_the_pause_that_is_asked_for_is_kept_within_bounds(client: LabelStudio, api: Api, pauses: list[float]) -> None:
    api.fail("GET", PROJECTS, 429, Retry_After="7")
    api.fail("GET", PROJECTS, 429, Retry_After="86400")
    api.fail("GET", PROJECTS, 429, Retry_After="Fri, 01 Jan 2010 00:00:00 GMT")
    assert read(client) == []
    assert pauses == [7.0, client_module.LONGEST_PAUSE, 0.0]


def test_pauses_grow_to_a_bound(api: Api, pauses: list[float]) -> None:
    api.fail("GET", PROJECTS, 500, times=8)
    assert read(LabelStudio(api.url, token_of(PERSONAL, "the test"), attempts=9, longest_pause=4)) == []
    assert pauses[0] < 1 < pauses[2] and max(pauses) == 4


def test_nobody_there(pauses: list[float]) -> None:
    nobody = LabelStudio("http://127.0.0.1:1", token_of(PERSONAL, "the test"))
    for call in (lambda: nobody.get("/api/projects/"), lambda: nobody.post("/api/projects/", {})):
        with pytest.raises(TransientError, match="cannot be reached at http://127.0.0.1:1") as failure:
            call()
        assert not isinstance(failure.value, PerhapsDone)
    assert len(pauses) == 2 * (ATTEMPTS - 1)


@pytest.mark.parametrize("kind", ["500", "504", "silent", "torn", "lost"])
def test_a_post_that_may_have_worked_is_not_sent_again(client: LabelStudio, api: Api, kind: str) -> None:
    api.fail("POST", PROJECTS, kind)
    with pytest.raises(PerhapsDone):
        client.post(PROJECTS, {"title": "new", "label_config": "<View/>"})
    assert api.count("POST", PROJECTS) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_that_was_turned_away_is_sent_again(client: LabelStudio, api: Api, status: int) -> None:
    api.fail("POST", PROJECTS, status)
    assert client.post(PROJECTS, {"title": "new", "label_config": "<View/>"})["title"] == "new"
    assert len(api.projects) == 1


def test_a_lost_access_token_is_fetched_again(client: LabelStudio, api: Api) -> None:
    api.fail("POST", "/api/token", "lost")
    api.fail("POST", "/api/token", 500)
    assert read(client) == []


def test_the_token_is_not_carried_elsewhere(client: LabelStudio, api: Api) -> None:
    api.fail("GET", PROJECTS, "elsewhere")
    with pytest.raises(ConfigurationError, match="redirects to http://elsewhere.example.org/api, where no token") as no:
        read(client)
    assert "secret" not in str(no.value)


def test_a_page_in_place_of_the_api(client: LabelStudio, api: Api) -> None:
    api.fail("GET", PROJECTS, "html")
    with pytest.raises(
        ConfigurationError, match="does not answer as Label Studio does. Check its address .--label-studio."
    ):
        read(client)


def test_nothing_there_and_no_right(client: LabelStudio, api: Api) -> None:
    with pytest.raises(CampaignError, match="nothing at .*/api/projects/9/.*Check the project's number"):
        client.get("/api/projects/9/")
    client.delete("/api/projects/9/")
    api.fail("GET", PROJECTS, 403)
    with pytest.raises(ConfigurationError, match="may not do GET.*: a fault. Let an administrator"):
        read(client)


def test_what_the_server_repeats_of_signed_addresses_is_not_told(client: LabelStudio) -> None:
    answer = b'{"validation_errors": {"x": ["wrong http://s3/a.png?X-Amz-Signature=abc", "Error :: {data}"]}}'
    with pytest.raises(ConfigurationError, match="wrong http://s3/a.png") as refusal:
        client._judged("POST", PROJECTS, 400, {}, answer)
    assert "abc" not in str(refusal.value) and "data" not in str(refusal.value)


def test_answers_are_bounded(client: LabelStudio, api: Api) -> None:
    read(client)
    with pytest.raises(InputError, match="more than 10 bytes"):
        read(LabelStudio(api.url, token_of(PERSONAL, "the test"), most_bytes=10))


def test_no_answer_makes_a_message_repeat_a_token() -> None:
    """A server, or a proxy before it, may send back what it was sent."""
    with RefusingServer("access-0123456789") as server:
        for token in (LEGACY, PERSONAL):
            with pytest.raises(ConfigurationError, match="may not do GET") as caught:
                LabelStudio(server.url, token_of(token, "test"), attempts=1).get("/api/projects/")
            assert token not in str(caught.value) and "access-0123456789" not in str(caught.value)
