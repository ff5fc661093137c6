"""Gathering: every field of the candidates as the campaign knows it, and nothing that is not read."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.queries import queried_ids
from labelcycle.components.core.config.query_choice import ColdStart, Selector
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.storage.tables import column_to_matrix, table_bytes
from labelcycle.components.select import Candidates, recipe_constraints
from labelcycle.components.select.checks import check_candidates
from labelcycle.components.select.gathering import gather_candidates, read_scores
from labelcycle.components.select.recipe_constraints import gather_constraints, read_by_constraints

OPTIONAL = frozenset(field.name for field in fields(Candidates)) - {"ids", "cycle"}


def known(pool: Candidates) -> set[str]:
    return {name for name in OPTIONAL if getattr(pool, name) is not None}


def group_of(name: str) -> str:
    """Greens and reds of even number are in the north, the first reds of odd number in the south, blues nowhere."""
    number = int(name[-2:])
    if number >= 20 and number % 2 == 0:
        return "north"
    return "south" if 40 <= number < 50 else ""


@pytest.fixture
def grouped(tmp_path: Path, embeddings: Path) -> str:
    """A file of groups."""
    rows = [f"{name},{group_of(name)}" for name in np.load(embeddings)["ids"]]
    (tmp_path / "groups.csv").write_text("sample_id,group\n" + "\n".join(rows) + "\n")
    return str(tmp_path / "groups.csv")


@pytest.fixture
def scored(begin: Callable[..., Any], grouped: str) -> Any:
    """A campaign whose pool is scored, dropout and all, and whose samples have groups."""
    campaign = begin(overrides={"scorer": {"name": "dropout", "passes": 9}}, groups=grouped)
    campaign.run_cycle()
    campaign.run_until("score")
    return campaign


def test_every_field_is_what_the_campaign_knows(scored: Any) -> None:
    work = scored.work
    pool = gather_candidates(work, OPTIONAL, 1)
    check_candidates(pool, OPTIONAL)
    scores, space = read_scores(work, 1), FeatureSpace(work.store, work.campaign.base_space)
    ids = scores["sample_id"].to_pylist()
    assert known(pool) == OPTIONAL - {"losses", "texts"}
    assert pool.cycle == 1 and pool.ids.tolist() == ids and not set(ids) & queried_ids(work)
    assert np.array_equal(pool.features, space.read(ids)[1])  # type: ignore[arg-type]
    assert np.array_equal(pool.probs, column_to_matrix(scores["probabilities"]))  # type: ignore[arg-type]
    assert pool.disagreements is not None and pool.disagreements.tolist() == scores["disagreements"].to_pylist()
    assert pool.mutual_information is not None
    assert pool.mutual_information.tolist() == scores["mutual_information"].to_pylist()
    assert pool.head is not None and pool.features is not None and pool.probs is not None
    assert np.allclose(pool.head.probabilities(pool.features), pool.probs, atol=1e-6)
    assert pool.groups is not None
    assert pool.groups.tolist() == [group_of(name) for name in ids] and len(set(pool.groups)) == 3


def test_labelled_samples_are_in_the_space_of_the_candidates(scored: Any) -> None:
    work = scored.work
    pool = gather_candidates(work, frozenset({"labelled_ids", "labelled_features", "labelled_classes"}), 1)
    labels = work.labelled()
    assert pool.labelled_ids is not None and pool.labelled_classes is not None
    assert pool.labelled_ids.tolist() == sorted(labels) and len(labels) == 8
    classes = work.campaign.classes
    assert [classes[number] for number in pool.labelled_classes] == [labels[name] for name in sorted(labels)]
    space = FeatureSpace(work.store, work.read_json("training.json")["space"])
    assert np.array_equal(pool.labelled_features, space.read(sorted(labels))[1])  # type: ignore[arg-type]
    assert pool.features is None


def test_a_tuned_space_is_used_for_all(scored: Any) -> None:
    """As after an adapter was trained: features of candidates and of labelled samples come from the same new space."""
    work = scored.work
    ids, features = FeatureSpace(work.store, work.campaign.base_space).read()
    FeatureSpace(work.store, "tuned").add(ids, (features + 1).astype(np.float16))
    training = {**work.read_json("training.json"), "space": "tuned"}
    scored.replace("train_adapter", "training.json", canonical_json(training))
    pool = gather_candidates(scored.work, frozenset({"features", "labelled_features"}), 1)
    base = dict(zip(ids, features, strict=True))
    for names, found in ((pool.ids, pool.features), (pool.labelled_ids, pool.labelled_features)):
        assert names is not None and found is not None and len(names)
        expected = np.array([base[str(name)] + 1 for name in names], np.float16)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("field", sorted(OPTIONAL))
def test_nothing_else_is_read(scored: Any, monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """Each field alone: no other array is held, and features are opened only where features are read."""
    opened: list[int] = []
    read = FeatureSpace.read_together

    def counted(space: FeatureSpace, groups: Any) -> Any:
        opened.extend(map(len, groups))
        return read(space, groups)

    monkeypatch.setattr(FeatureSpace, "read_together", counted)
    pool = gather_candidates(scored.work, frozenset({field}), 1)
    labelled = {"labelled_ids", "labelled_classes"}
    assert known(pool) <= {field} | (labelled if field.startswith("labelled") else set())
    assert opened == {"features": [40], "labelled_features": [8]}.get(field, [])


def test_only_the_columns_that_are_read_are_loaded(scored: Any) -> None:
    table = read_scores(scored.work, 1, ["sample_id", "entropy"])
    assert table.column_names == ["sample_id", "entropy"]


def test_without_dropout_its_fields_are_unknown(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("score")
    pool = gather_candidates(campaign.work, OPTIONAL, 1)
    assert known(pool) == OPTIONAL - {"losses", "texts", "disagreements", "mutual_information", "groups"}


@pytest.mark.parametrize(("known_losses", "there"), [(40, True), (39, False), (0, False)])
def test_losses_are_given_where_all_are_known(scored: Any, known_losses: int, there: bool) -> None:
    table = read_scores(scored.work, 1)
    losses = [0.5] * known_losses + [None] * (40 - known_losses)
    column = table.schema.get_field_index("loss")
    changed = table.set_column(column, table.schema.field("loss"), pa.array(losses, pa.float32()))
    scored.replace("score-0-of-1", "scores/0-of-1.parquet", table_bytes(changed))
    pool = gather_candidates(scored.work, frozenset({"losses"}), 1)
    assert (pool.losses is not None) == there
    if pool.losses is not None:
        assert pool.losses.dtype == np.float32 and pool.losses.tolist() == [0.5] * 40


def test_candidates_without_features_are_left_out_with_all_that_is_theirs(
    scored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gather_candidates(scored.work, OPTIONAL, 1)
    read, lost = FeatureSpace.read_together, str(whole.ids[7])

    def without(space: FeatureSpace, groups: Any) -> Any:
        return read(space, [[name for name in ids if name != lost] for ids in groups])

    monkeypatch.setattr(FeatureSpace, "read_together", without)
    pool = gather_candidates(scored.work, OPTIONAL, 1)
    check_candidates(pool, OPTIONAL)
    assert pool.ids.tolist() == [name for name in whole.ids.tolist() if name != lost]
    assert whole.probs is not None and whole.groups is not None and whole.disagreements is not None
    assert np.array_equal(pool.probs, np.delete(whole.probs, 7, axis=0))  # type: ignore[arg-type]
    assert np.array_equal(pool.groups, np.delete(whole.groups, 7))  # type: ignore[arg-type]
    assert np.array_equal(pool.disagreements, np.delete(whole.disagreements, 7))  # type: ignore[arg-type]


def test_the_cold_start_knows_features_and_groups_alone(begin: Callable[..., Any], grouped: str) -> None:
    campaign = begin(groups=grouped)
    campaign.ingest()
    pool = gather_candidates(campaign.work, OPTIONAL, 1)
    check_candidates(pool, OPTIONAL)
    assert known(pool) == {"features", "groups"}
    assert len(pool) == 48 and pool.cycle == 0


def test_shards_do_not_matter(scored: Any) -> None:
    whole = gather_candidates(scored.work, OPTIONAL, 1)
    for shard in range(3):
        scored.run("score", shard=shard, shards=3)
    parts = gather_candidates(scored.work, OPTIONAL, 3)
    for name in known(whole) | {"ids"}:
        if name != "head":
            assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert whole.head is not None and parts.head is not None
    assert isinstance(parts.head, LinearHead) and np.array_equal(whole.head.weight, parts.head.weight)


def test_constraints_say_what_they_read() -> None:
    assert read_by_constraints(ColdStart()) == frozenset()
    assert read_by_constraints(ColdStart(explore=0.5)) == frozenset()
    assert read_by_constraints(Selector(strategy="entropy", quotas={"north": 1})) == {"groups"}
    assert read_by_constraints(ColdStart(near_duplicates=0.9)) == {"features", "labelled_features"}


def test_constraints_that_no_longer_hold_are_dropped(
    begin: Callable[..., Any], grouped: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was asked for is no candidate any more, in silence; of what cannot be read the user is told."""
    (tmp_path / "include.txt").write_text("red-45\nred-47\nblue-04\ngreen-28\n")
    (tmp_path / "exclude.txt").write_text("red-49\nred-51\n")
    told: list[str] = []
    monkeypatch.setattr(recipe_constraints, "notice", told.append)
    campaign = begin(
        groups=grouped,
        include=str(tmp_path / "include.txt"),
        exclude=str(tmp_path / "exclude.txt"),
        overrides={"selector.quotas": {"north": 2, "south": 3}, "selector.explore": 0.25},
        initial=2,
    )
    campaign.run_cycle()
    campaign.run_until("score")
    work, choice = campaign.work, campaign.state.campaign.recipe.selector
    assert queried_ids(work) == {"red-45", "red-47"}
    pool = gather_candidates(work, frozenset({"groups"}), 1)
    found = gather_constraints(work, choice, pool)
    assert (list(found.include), list(found.exclude)) == (["blue-04", "green-28"], ["red-49", "red-51"])
    assert (found.explore, found.quotas, found.near_duplicates) == (0.25, {"north": 2, "south": 3}, None)
    assert not told

    rows = np.flatnonzero((pool.groups != "south") & (pool.ids != "blue-04"))
    rest = Candidates(ids=pool.ids[rows], groups=pool.groups[rows])  # type: ignore[index]
    found = gather_constraints(work, choice, rest)
    assert (list(found.include), list(found.exclude), found.quotas) == (["green-28"], ["red-51"], {"north": 2})
    assert told == ["1 samples that must be included cannot be read and are left out, first 'blue-04'."]
