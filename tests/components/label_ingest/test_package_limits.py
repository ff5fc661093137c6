"""A run that its package has no tasks for is refused before anything is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.label_ingest.component import label_ingest


@pytest.mark.parametrize(
    ("recipe", "asked", "message"),
    [
        ("linear_probe", {"shards": 3, "compiled_shards": 2}, "The run asks for 3 shards, and this package has tasks"),
        ("linear_probe", {"shards": 1, "compiled_shards": 2}, "Leave the parameter shards out, or run cycle_in_shards"),
        ("standard_ft", {"features_stay": True}, "as it is, which recipe 'standard_ft' of the campaign at"),
    ],
)
def test_what_cannot_be_done_is_refused(
    begin_on_images: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    asked: dict[str, Any],
    message: str,
) -> None:
    campaign = begin_on_images(recipe=recipe)
    before = campaign.files()
    monkeypatch.setenv("LABELCYCLE_EVENTS", str(tmp_path / "events"))
    with pytest.raises(ConfigurationError, match=message):
        label_ingest.python_func(campaign.root, **asked)
    assert campaign.files() == before
    [told] = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert (told["event"], told["exit_code"]) == ("error", 1) and message in told["message"]


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        ("linear_probe", {"shards": 2, "compiled_shards": 2, "features_stay": True}),
        ("linear_probe", {"shards": 7}),
        ("standard_ft", {"shards": 1, "compiled_shards": 1}),
    ],
)
def test_what_can_be_done_is_begun(begin_on_images: Callable[..., Any], recipe: str, asked: dict[str, Any]) -> None:
    campaign = begin_on_images(recipe=recipe)
    told = label_ingest.python_func(campaign.root, **asked)
    assert told[0] == told[-1] == "cold_start" and told[4] == list(range(asked.get("shards", 1)))


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [("uherding", False), ("linear_probe", False), ("asvp", True), ("svpp", True), ("peal_entropy", True)],
)
def test_which_recipes_change_features(begin_on_images: Callable[..., Any], recipe: str, changes: bool) -> None:
    assert begin_on_images(recipe=recipe).state.campaign.recipe.changes_features is changes
