"""Tokens of both kinds at a real Label Studio."""

from collections.abc import Iterator

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.tokens import token_of
from tests.services.label_studio.server import LabelStudioServer, Person


def client(studio: LabelStudioServer, token: str) -> LabelStudio:
    return LabelStudio(studio.url, token_of(token, "the test"))


def reads(studio: LabelStudioServer, token: str) -> bool:
    return "results" in client(studio, token).get("/api/projects/", page=1, page_size=1)


@pytest.fixture
def legacy_allowed(owner: Person) -> Iterator[None]:
    owner.call("POST", "/api/jwt/settings", {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True})
    yield
    owner.call("POST", "/api/jwt/settings", {"api_tokens_enabled": True, "legacy_api_tokens_enabled": False})


def test_a_personal_token(studio: LabelStudioServer, owners_token: str) -> None:
    assert reads(studio, owners_token)


def test_a_personal_token_that_was_revoked(studio: LabelStudioServer, colleague: Person) -> None:
    token = colleague.personal_token()
    assert reads(studio, token)
    colleague.personal_token()
    with pytest.raises(ConfigurationError, match="401: it refuses the personal access token: revoked") as refusal:
        reads(studio, token)
    assert token not in str(refusal.value)


def test_a_personal_token_of_another_server(studio: LabelStudioServer, owners_token: str) -> None:
    head, payload, signature = owners_token.split(".")
    with pytest.raises(ConfigurationError, match="401: it refuses the personal access token"):
        reads(studio, f"{head}.{payload}.{signature[::-1]}")


def test_legacy_tokens_are_switched_off(studio: LabelStudioServer, owner: Person) -> None:
    with pytest.raises(
        ConfigurationError, match="401: it refuses the legacy token: wrong, or legacy tokens are switched"
    ):
        reads(studio, owner.legacy_token())


def test_legacy_tokens_that_are_allowed(studio: LabelStudioServer, owner: Person, legacy_allowed: None) -> None:
    assert reads(studio, owner.legacy_token())
    with pytest.raises(ConfigurationError, match="401: it refuses the legacy token"):
        reads(studio, "f" * 40)


def test_an_access_token_is_told_from_a_personal_one(studio: LabelStudioServer, owners_token: str) -> None:
    access = client(studio, owners_token)._fetch_access()
    with pytest.raises(ConfigurationError, match="holds an access token, which expires within minutes"):
        token_of(access, "the test")
