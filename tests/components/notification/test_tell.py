"""People are told at most once, and nothing is held up."""

import dataclasses
import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from labelcycle.components.core.config.notify import Notify
from labelcycle.components.core.storage import Store
from labelcycle.components.notification import tell as telling
from labelcycle.components.notification.channel import NotTaken, send_with_retries
from labelcycle.components.notification.news import News
from labelcycle.components.notification.tell import tell
from labelcycle.components.notification.webhook import Webhook

HOOK = Notify(webhook=True)


def test_an_event_of_a_cycle_is_told_once(receiver: Any, news: Callable[..., News], store: Store) -> None:
    assert tell(store, HOOK, news())
    assert not tell(store, HOOK, news(detail="said otherwise"))
    assert tell(store, HOOK, news(cycle=4)) and tell(store, HOOK, news(event="budget_spent"))
    assert len(receiver.requests) == 3
    record = json.loads(store.read("notifications/cycle-0004-labels_awaited.json"))
    assert record.keys() == {"event", "cycle", "time", "sha256"}, "and no words"
    assert store.keys("") == [
        "notifications/cycle-0003-budget_spent.json",
        "notifications/cycle-0003-labels_awaited.json",
        "notifications/cycle-0004-labels_awaited.json",
    ]


def test_of_several_at_once_one_tells(receiver: Any, news: Callable[..., News], store: Store) -> None:
    told: list[bool] = []
    threads = [threading.Thread(target=lambda: told.append(tell(store, HOOK, news()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, False, False, True] and len(receiver.requests) == 1


def test_who_does_not_want_to_know_is_not_told(receiver: Any, news: Callable[..., News], store: Store) -> None:
    assert not tell(store, None, news())
    assert not tell(store, Notify(webhook=True, events=["budget_spent"]), news())
    assert receiver.requests == [] and store.keys("") == []


def test_what_was_certainly_not_taken_is_sent_again(
    receiver: Any, news: Callable[..., News], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=pauses.append))
    receiver.answers = [503, 429, 200]
    assert tell(store, HOOK, news())
    assert len({body for _, body in receiver.requests}) == 1 and len(receiver.requests) == 3
    assert len(pauses) == 2 and pauses[0] < pauses[1]


def test_nothing_is_sent_again_once_the_time_is_over(receiver: Any, news: Callable[..., News]) -> None:
    receiver.answers = [503]
    with pytest.raises(NotTaken, match="answers 503"):
        send_with_retries(Webhook.from_environment(), news(), seconds=0.0)
    assert len(receiver.requests) == 1


def test_what_may_have_arrived_is_not(
    receiver: Any, news: Callable[..., News], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = [500, 200]
    assert not tell(store, HOOK, news()) and not tell(store, HOOK, news())
    assert len(receiver.requests) == 1
    told = capsys.readouterr().err
    assert "People may not have been told of labels_awaited in cycle 3: the webhook at 127.0.0.1 answers 500." in told


def test_a_webhook_that_hangs_ends_in_one_line(
    receiver: Any, news: Callable[..., News], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = [0]
    assert not tell(store, HOOK, news(), seconds=0.3)
    [line] = capsys.readouterr().err.strip().splitlines()
    assert "the webhook at 127.0.0.1 did not answer within 0.3 s" in line and "very-secret" not in line


def test_what_is_missing_in_the_environment_is_said_and_can_be_mended(
    receiver: Any,
    news: Callable[..., News],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LABELCYCLE_WEBHOOK_URL")
    assert not tell(store, HOOK, news()) and store.keys("") == []
    assert "LABELCYCLE_WEBHOOK_URL is not set" in capsys.readouterr().err
    monkeypatch.setenv("LABELCYCLE_WEBHOOK_URL", receiver.url)
    assert tell(store, HOOK, news())


def test_faults_of_a_channel_are_a_line_without_its_words(
    news: Callable[..., News], store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        name = "a channel"

        def send(self, news: News) -> None:
            raise ValueError("https://hooks/secret")

    monkeypatch.setattr(telling, "channels_of", lambda notify: [Broken()])
    assert not tell(store, HOOK, news())
    said = capsys.readouterr().err
    assert "a channel cannot be used (ValueError)" in said and "hooks/secret" not in said


def test_one_channel_does_not_wait_for_another(
    receiver: Any, mailbox: Any, news: Callable[..., News], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = [0]
    mails = {"to": "a@b.org", "sender": "c@d.org", "host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    assert tell(store, Notify.model_validate({"webhook": True, "email": mails}), news(), seconds=1.0)
    assert len(mailbox.mails) == 1 and "the webhook at" in capsys.readouterr().err


def test_a_record_that_cannot_be_written_is_a_line(
    receiver: Any, news: Callable[..., News], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(store: Store, news: News) -> bool:
        raise OSError("disk full")

    monkeypatch.setattr(telling, "claim", fail)
    assert not tell(store, HOOK, dataclasses.replace(news())) and receiver.requests == []
