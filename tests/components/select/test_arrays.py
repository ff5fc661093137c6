"""Arrays as they come, such as mapped from disk and read-only; scales; and memory that stays near the features'."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.select import Candidates, select_batch

WAYS: list[tuple[str, dict[str, Any]]] = [
    ("badge", {}),
    ("bait", {"candidates": 150}),
    ("bald", {"passes": 3}),
    ("confidence", {}),
    ("coreset", {}),
    ("dropquery", {}),
    ("entropy", {"class_balanced": True}),
    ("featdist", {"reduce": "mean"}),
    ("kmeans", {}),
    ("margin", {"cluster_features": True}),
    ("maxherding", {}),
    ("powerbald", {"passes": 3}),
    ("probcover", {"radius": 0.6}),
    ("probcover", {}),
    ("refine", {"levels": 2, "proposals": 1}),
    ("typiclust", {}),
    ("uherding", {"targets": 100, "candidates": 50}),
]
each_way = pytest.mark.parametrize(
    ("name", "parameters"), WAYS, ids=[" ".join([name, *options]) for name, options in WAYS]
)
ARRAYS = ("features", "probs", "labelled_features", "labelled_classes")
Array = npt.NDArray[np.generic]


def frozen(values: Array) -> Array:
    values = values.copy()
    values.flags.writeable = False
    return values


def spread_out(values: Array) -> Array:
    """The same numbers, every second of a larger array in both directions."""
    wide = np.zeros([2 * length for length in values.shape], values.dtype)
    view = wide[(slice(None, None, 2),) * values.ndim]
    view[:] = values
    return view


@each_way
def test_the_way_arrays_are_stored_does_not_matter(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates], tmp_path: Path
) -> None:
    pool = complete_pool(300, width=20)
    expected = select_batch(name, pool, 12, 0, **parameters).ids.tolist()

    def mapped(values: Array) -> Array:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, values)
        loaded: Array = np.load(path, mmap_mode="r")
        return loaded

    for change in (frozen, spread_out, mapped, np.asfortranarray):
        stored = replace(pool, **{field: change(getattr(pool, field)) for field in ARRAYS})
        ordered = np.argsort(pool.ids)
        in_order = replace(
            stored,
            ids=pool.ids[ordered],
            **{field: change(getattr(pool, field)[ordered]) for field in ("features", "probs", "losses")},
        )
        for given in (stored, in_order):
            assert select_batch(name, given, 12, 0, **parameters).ids.tolist() == expected


@each_way
def test_wider_numbers_of_the_same_value_do_not_matter(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(200, width=20)
    expected = select_batch(name, pool, 12, 0, **parameters).ids.tolist()
    for kind in (np.float32, np.float64):
        wide = replace(
            pool,
            features=pool.features.astype(kind),  # type: ignore[union-attr]
            labelled_features=pool.labelled_features.astype(kind),  # type: ignore[union-attr]
        )
        assert select_batch(name, wide, 12, 0, **parameters).ids.tolist() == expected


@each_way
@pytest.mark.parametrize("scale", [0.0, 2.0**-20, 2.0**20, 1e14])
def test_scales(name: str, parameters: dict[str, Any], scale: float, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(200, width=20)
    assert pool.features is not None and pool.labelled_features is not None
    scaled = replace(
        pool,
        features=pool.features.astype(np.float32) * np.float32(scale),
        labelled_features=pool.labelled_features.astype(np.float32) * np.float32(scale),
    )
    selection = select_batch(name, scaled, 12, 0, **parameters)
    assert len(set(selection.ids.tolist())) == 12
    assert np.isfinite(selection.scores).all()
    if name in ("coreset", "featdist", "kmeans", "maxherding", "probcover", "typiclust", "uherding") and scale in (
        2.0**-20,
        2.0**20,
    ):
        assert selection.ids.tolist() == select_batch(name, pool, 12, 0, **parameters).ids.tolist()


@each_way
def test_half_precision_at_its_largest(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(100, width=384)
    generator = np.random.default_rng(0)
    features = np.where(generator.random((112, 384)) < 0.5, 65504, -65504).astype(np.float16)
    selection = select_batch(
        name, replace(pool, features=features[:100], labelled_features=features[100:]), 12, 0, **parameters
    )
    assert len(set(selection.ids.tolist())) == 12 and np.isfinite(selection.scores).all()


@each_way
def test_rows_of_zeros_among_others(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(60, width=6)
    assert pool.features is not None and pool.labelled_features is not None
    features, known = pool.features.copy(), pool.labelled_features.copy()
    features[::2], known[::3] = 0, 0
    selection = select_batch(name, replace(pool, features=features, labelled_features=known), 60, 0, **parameters)
    assert sorted(selection.ids) == sorted(pool.ids) and np.isfinite(selection.scores).all()


@each_way
def test_memory_stays_far_below_all_pairs(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    """Of 12,000 candidates all pairs are 144 M numbers, and candidates by labels 24 M; the features take 1 MB."""
    pool = complete_pool(12_000, labelled=2_000, width=48)
    order = np.argsort(pool.ids)
    pool = replace(pool, ids=pool.ids[order], losses=None)
    tracemalloc.start()
    select_batch(name, pool, 30, 0, **parameters)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48e6
