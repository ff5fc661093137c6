"""The graph of samples within a radius against all pairs of distances."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from labelcycle.components.select.ball_graph import BallGraph, Groups, all_pairs
from labelcycle.components.select.points import Vectors, unit_length

Mask = npt.NDArray[np.bool_]


def sphere(size: int, width: int = 4, seed: int = 0) -> npt.NDArray[np.float32]:
    return unit_length(np.random.default_rng(seed).normal(size=(size, width)).astype(np.float32))


def dense(vectors: npt.NDArray[np.float32], radius: float) -> Mask:
    near: Mask = cdist(vectors.astype(np.float64), vectors.astype(np.float64)) < radius
    return near


def agrees(graph: BallGraph, near: Mask) -> bool:
    rows = np.arange(len(near))
    some = np.random.default_rng(3).permutation(len(near))[: len(near) // 3]
    return (
        graph.degrees.tolist() == near.sum(axis=1).tolist()
        and all(sorted(graph.neighbours(int(row)).tolist()) == np.flatnonzero(near[row]).tolist() for row in rows)
        and graph.count_among(some).tolist() == near[some].sum(axis=0).tolist()
    )


PLENTY = 10**9
"""Bytes that hold all edges, however many they are."""


@pytest.mark.parametrize("radius", [0.05, 0.4, 1.0, 1.9])
@pytest.mark.parametrize("group", [7, 64, 1024])
@pytest.mark.parametrize("kept", [False, True])
def test_the_exact_graph(radius: float, group: int, kept: bool) -> None:
    vectors = sphere(150)
    graph = BallGraph(Vectors(vectors), radius, all_pairs(150, group), PLENTY if kept else 0)
    assert kept == graph.keeps_edges or radius < 0.1  # there is no edge
    assert agrees(graph, dense(vectors, radius))


@pytest.mark.parametrize("kept", [False, True])
def test_only_partners_are_compared(kept: bool) -> None:
    vectors = sphere(90)
    members = np.array_split(np.random.default_rng(1).permutation(90), 3)
    partners = [np.array([0, 1]), np.array([0, 1, 2]), np.array([1, 2])]
    near = dense(vectors, 1.5)
    near[np.ix_(members[0], members[2])] = False
    near[np.ix_(members[2], members[0])] = False
    assert agrees(BallGraph(Vectors(vectors), 1.5, Groups(members, partners), PLENTY if kept else 0), near)


def test_edges_are_given_up_beyond_the_size_of_the_features() -> None:
    vectors = sphere(2000, width=4)
    assert BallGraph(Vectors(vectors), 0.05, all_pairs(2000)).keeps_edges
    assert not BallGraph(Vectors(vectors), 1.9, all_pairs(2000)).keeps_edges


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([1e-6, 1e-3, 0.5]))
def test_twins_are_neighbours_whatever_the_radius(seed: int, size: int, radius: float) -> None:
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, 4, size)
    vectors = unit_length(np.eye(4, 300, dtype=np.float32) + np.float32(0.1))[kind]
    graph = BallGraph(Vectors(vectors), radius, all_pairs(size))
    assert agrees(graph, kind[:, None] == kind)


def test_features_of_any_kind(tmp_path: Path) -> None:
    half = sphere(120).astype(np.float16)
    np.save(tmp_path / "features.npy", half)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    expected = BallGraph(Vectors(half, unit_length), 0.7, all_pairs(120)).degrees.tolist()
    for features in (mapped, half[::-1][::-1], np.asfortranarray(half), half.astype(np.float64)):
        assert BallGraph(Vectors(features, unit_length), 0.7, all_pairs(120)).degrees.tolist() == expected
