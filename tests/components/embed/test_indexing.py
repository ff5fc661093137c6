"""Embedding leaves an index, so that who comes after learns from a few small objects that nothing is missing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.space_index import list_space
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.components.embed import embedding_plan as plan
from labelcycle.components.embed import stage


def listing_of(campaign: Any) -> Any:
    return list_space(open_store(campaign.root), campaign.state.campaign.base_space)


def is_held(campaign: Any) -> bool:
    return listing_of(campaign).holding(campaign.state.campaign.pool.sha256, "all") is not None


def test_held_out_samples_have_parts_of_their_own(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    campaign.run_until("embed base")
    assert sorted(part.rows for part in listing_of(campaign).indexed.values()) == [12, 48]


def test_imported_features_are_indexed_too(begin: Callable[..., Any]) -> None:
    listing = listing_of(begin())
    assert sorted(part.rows for part in listing.indexed.values()) == [12, 48] and not listing.unknown


def test_imported_features_of_earlier_versions_are_indexed_once(begin: Callable[..., Any]) -> None:
    campaign = begin()
    for path in Path(campaign.root).glob("spaces/*/i*"):
        path.unlink()
    campaign.ingest()
    assert len(listing_of(campaign).unknown) == 2
    campaign.run("embed base")
    before = campaign.files()
    assert not listing_of(campaign).unknown
    campaign.run("embed base")
    assert campaign.files() == before


def test_features_of_earlier_versions_are_indexed_once(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    campaign.run_until("embed base")
    for path in [*Path(campaign.root).glob("spaces/*/i*"), *Path(campaign.root).glob("pool/ids/*")]:
        path.unlink()
    assert campaign.run("embed base").kept == 60 and is_held(campaign)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_last_shard_finds_that_all_is_there(
    begin_on_images: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    monkeypatch.setattr(plan, "chunks_of_shard", partial(chunks_of_shard, rows=7))
    campaign = begin_on_images()
    campaign.ingest()
    found = []
    for shard in order:
        campaign.run("embed base", shard=shard, shards=3)
        found.append(is_held(campaign))
    assert found == [False, False, True]
    before = campaign.files()
    assert [campaign.run("embed base", shard=shard, shards=3).kept for shard in range(3)] == [60] * 3
    assert campaign.files() == before


def test_parts_of_a_killed_run_are_kept_and_indexed(
    begin_on_images: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin_on_images()
    campaign.ingest()

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage.FeatureSpace, "index_all", killed)
        with pytest.raises(KeyboardInterrupt):
            campaign.run("embed base")
    assert len(listing_of(campaign).unknown) == 2
    facts = campaign.run("embed base")
    assert (facts.embedded, facts.kept) == (0, 60) and is_held(campaign)


def test_a_part_that_was_deleted_is_made_again(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    campaign.run_until("embed base")
    before = campaign.files()
    lost = next(Path(campaign.root).glob("spaces/*/part-*"))
    lost.unlink()
    assert campaign.run("embed base").embedded in (12, 48)
    assert campaign.files().items() >= before.items()
    assert campaign.run("embed base").embedded == 0


def test_that_all_is_there_takes_few_requests(
    begin_on_images: Callable[..., Any], s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign, the decision, a listing, and the index; and then what the stage took is written."""
    campaign = begin_on_images(s3_root)
    campaign.run_until("embed base")
    asked: list[str] = []
    for name in ("read", "write", "write_if_absent", "fetch", "exists", "keys"):
        method = getattr(S3Store, name)

        def counted(self: S3Store, key: str, *more: Any, _method: Any = method) -> Any:
            asked.append(key)
            return _method(self, key, *more)

        monkeypatch.setattr(S3Store, name, counted)
    assert campaign.run("embed base").kept == 60
    assert len(asked) == 5, asked
    assert not any("/part-" in key or "/ids" in key or key.startswith("pool/") for key in asked)
