"""Near-duplicates: of samples that look the same only one is worth a label."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.select.ball_graph import SMALLEST_RADIUS, BallGraph
from labelcycle.components.select.near_groups import groups_for
from labelcycle.components.select.nearest import nearest_among
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategy import Candidates

Rows = npt.NDArray[np.int64]


def without_near_duplicates(pool: Candidates, available: Rows, kept: Rows, similarity: float, seed: int) -> Rows:
    """The available rows less those too similar to a labelled sample, to a kept one or to another available one.

    Args:
        pool: `features` (N, d), `labelled_features` (L, d) where there are labels.
        available: sorted rows to choose from.
        kept: rows that stay whatever they resemble, such as samples that must be included.
        similarity: cosine similarity from which samples count as the same.
        seed: decides the clusters in which duplicates of a large pool are looked for.

    Of samples that are the same the first in the order of a hash of the id stays.

    Raises:
        ConfigurationError: the candidates have no features.

    Cost: that of a `BallGraph` on the pool.
    """
    if pool.features is None:
        raise ConfigurationError("near_duplicates needs features, which the candidates lack.")
    if not len(pool):
        return available
    points = Vectors(pool.features, unit_length)
    radius = max(float(np.sqrt(2 * (1 - similarity))), SMALLEST_RADIUS)
    graph = BallGraph(points, radius, groups_for(points, pool.ids, seed))
    removed = np.zeros(len(pool), np.bool_)
    if pool.labelled_features is not None:
        removed = nearest_among(points, Vectors(pool.labelled_features, unit_length)) < radius * radius
    waiting = np.setdiff1d(available, kept)
    waiting = waiting[np.argsort(keyed_order(pool.ids[waiting], "ties"), kind="stable")]
    for row in [*kept.tolist(), *waiting[graph.degrees[waiting] > 1].tolist()]:
        if row in kept or not removed[row]:
            same = graph.neighbours(row)
            removed[same[same != row]] = True
    removed[kept] = False
    return available[~removed[available]]
