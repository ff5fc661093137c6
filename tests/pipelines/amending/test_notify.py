"""Who is told can be amended, at once, and without anything else that follows from it."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.changes_in_words import changes_in_words
from tests.components.notification.conftest import Receiver, receiver

__all__ = ["receiver"]

MAILS = {"email.to": "ann@example.org", "email.sender": "al@example.org", "email.host": "smtp.example.org"}


def test_settings_are_laid_over_those_before(begin: Callable[..., Any]) -> None:
    store = open_store(begin(notify={"webhook": True}).root)
    done = amend_campaign(store, WantedChanges(notify=MAILS), "")
    assert changes_in_words(done.before, done.after) == ["notify: a webhook → a webhook and ann@example.org"]
    assert done.after.notify is not None and done.after.notify.webhook and done.after.notify.email is not None
    done = amend_campaign(store, WantedChanges(notify={"webhook": False, "events": "budget_spent"}), "")
    assert done.after.notify is not None and done.after.notify.events == ["budget_spent"]
    with pytest.raises(ConfigurationError, match="Give one of them"):
        amend_campaign(store, WantedChanges(no_notify=True, notify=MAILS), "")
    done = amend_campaign(store, WantedChanges(no_notify=True), "")
    assert done.after.notify is None and changes_in_words(done.before, done.after) == [
        "notify: ann@example.org → nobody"
    ]


@pytest.mark.parametrize(
    ("notify", "message"),
    [
        ({"webhook": False}, "nobody would be told"),
        ({"webhok": True}, r"webhok: unknown setting. Did you mean 'webhook'\?"),
        ({"webhook": True, "events": "labels_waited"}, "labels_awaited"),
        ({"email.to": "ann"}, "email.to"),
        ({"webhook.url": "https://hooks"}, "webhook"),
    ],
)
def test_what_cannot_be_is_named(begin: Callable[..., Any], notify: dict[str, object], message: str) -> None:
    store = open_store(begin().root)
    with pytest.raises(ConfigurationError, match=f"(?s)notify is invalid.*{message}"):
        amend_campaign(store, WantedChanges(notify=notify), "")


def test_a_campaign_that_has_ended_does_not_go_on_for_it(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(overrides={"stop.plateau_cycles": 1, "stop.plateau_gain": 0.99})
    for _ in range(3):
        campaign.run_cycle()
    assert campaign.state.phase == "done" and campaign.state.summaries[-1].stopped
    amend_campaign(open_store(campaign.root), WantedChanges(notify={"webhook": True}), "")
    assert campaign.state.phase == "done" and campaign.ingest().decision == "done"
    [(_, body)] = receiver.requests
    assert b'"event": "campaign_stopped"' in body and b"the stop rule ended it" in body


def test_the_command_says_that_it_is_in_force_at_once(
    labelcycle: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    told = labelcycle("amend", begin().root, "--notify", "webhook=true", "--notify", "events=[budget_spent]")
    assert (told.returncode, told.stdout) == (0, "notify: nobody → a webhook\nin force at once\n")
