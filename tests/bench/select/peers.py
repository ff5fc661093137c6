"""Peers from the package index, each brought to the work of one of our strategies.

A peer is prepared before it is measured: the arrays lie in its memory in float32, labelled rows are put behind the pool
where it wants one array, and its classifier is a head that is trained already. What is measured is the query alone.
Importing this module needs no peer.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.kernel_coverage import bandwidth_of
from labelcycle.components.select.standardised import standardised
from tests.bench.select.data import Pool
from tests.bench.select.measure import Choose

IMPROVEMENT = 1e-4
"""Where our k-means stops."""


def skactiveml(name: str, pool: Pool, query: dict[str, Any] | None = None, **settings: Any) -> Choose:
    """A strategy of scikit-activeml on the pool with the labelled rows behind it."""
    import skactiveml.pool

    points = np.concatenate([pool.features, pool.labelled]).astype(np.float32)
    labels = np.full(len(points), np.nan)
    labels[len(pool.features) :] = pool.candidates.labelled_classes
    strategy = getattr(skactiveml.pool, name)(random_state=0, **settings)
    return lambda: strategy.query(X=points, y=labels, batch_size=pool.setting.budget, **(query or {}))


def skactiveml_uncertainty(method: str, pool: Pool) -> Choose:
    """UncertaintySampling with the head's probabilities."""
    return skactiveml_with_head("UncertaintySampling", pool, method=method)


def skactiveml_with_head(name: str, pool: Pool, **settings: Any) -> Choose:
    """A strategy that asks the classifier, which is not to be fitted again."""
    from tests.bench.select.peer_head import Head

    return skactiveml(name, pool, {"clf": Head(pool), "fit_clf": False}, **settings)


def skactiveml_bald(pool: Pool) -> Choose:
    """GreedyBALD. The passes with dropout are part of the work, as they are in ours."""
    from tests.bench.select.peer_head import Head

    query = {"ensemble": Head(pool), "fit_ensemble": False}
    return skactiveml("GreedyBALD", pool, query, sample_predictions_method_name="sample_proba")


def modal(method: str, pool: Pool) -> Choose:
    """A function of modAL.uncertainty with the head's probabilities."""
    import modAL.uncertainty

    from tests.bench.select.peer_head import Head

    ask, head, points = getattr(modAL.uncertainty, method), Head(pool), pool.features.astype(np.float32)
    return lambda: ask(head, points, n_instances=pool.setting.budget)[0]


def plain_badge(pool: Pool) -> Choose:
    """No library: BADGE in a dozen lines of NumPy, on the factors of the gradients and with a pass over them a pick."""
    probs, points = pool.probs.astype(np.float32), pool.features.astype(np.float32)

    def choose() -> npt.ArrayLike:
        generator = np.random.default_rng(0)
        residuals = probs.copy()
        residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1
        norms = (residuals**2).sum(axis=1) * (points**2).sum(axis=1)
        rows, nearest = [int(norms.argmax())], np.full(len(norms), np.inf, np.float32)
        while len(rows) < pool.setting.budget:
            last = rows[-1]
            products = (residuals @ residuals[last]) * (points @ points[last])
            nearest = np.minimum(nearest, np.maximum(norms + norms[last] - 2 * products, 0))
            nearest[last] = 0
            chances = np.cumsum(nearest, dtype=np.float64)
            rows.append(int(np.searchsorted(chances, generator.random() * chances[-1], side="right")))
        return rows

    return choose


def skactiveml_max_herding(pool: Pool) -> Choose:
    """MaxHerding under the kernel of ours: on standardised features, which are prepared, with the same bandwidth."""
    points, labelled = standardised(pool.features, pool.labelled)
    gamma = 0.5 / bandwidth_of(labelled) ** 2
    everything = slice(0, None)
    candidates = replace(pool.candidates, features=points.read(everything), labelled_features=labelled.read(everything))
    settings = {"normalize_samples": False, "metric": "rbf", "metric_dict": {"gamma": gamma}}
    return skactiveml("MaxHerding", Pool(pool.setting, candidates), **settings)


def alipy_coreset(pool: Pool) -> Choose:
    """QueryInstanceCoresetGreedy, which takes pool and labelled rows as one array."""
    from alipy.query_strategy.query_labels import QueryInstanceCoresetGreedy

    points = np.concatenate([pool.features, pool.labelled]).astype(np.float32)
    everything = np.arange(len(points))
    unlabelled, labelled = np.split(everything, [len(pool.features)])

    def choose() -> npt.ArrayLike:
        query = QueryInstanceCoresetGreedy(points, np.zeros(len(points)), everything)
        return query.select(labelled, unlabelled, batch_size=pool.setting.budget)

    return choose


def faiss_k_means(pool: Pool) -> Choose:
    """faiss.Kmeans from a k-means++ start with our stopping rule; then the sample nearest to each centre."""
    import faiss

    points = pool.features.astype(np.float32)

    def choose() -> npt.ArrayLike:
        unit = points.copy()
        faiss.normalize_L2(unit)
        start = faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS
        settings = {"niter": 100, "seed": 1, "init_method": start, "early_stop_threshold": IMPROVEMENT}
        clusters = faiss.Kmeans(unit.shape[1], pool.setting.budget, max_points_per_centroid=512, **settings)
        clusters.train(unit)
        index = faiss.IndexFlatL2(unit.shape[1])
        index.add(unit)
        return index.search(clusters.centroids, 1)[1][:, 0]

    return choose


def sklearn_k_means(pool: Pool) -> Choose:
    """KMeans of scikit-learn from a k-means++ start; then the sample nearest to each centre."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin
    from sklearn.preprocessing import normalize

    points = pool.features.astype(np.float32)

    def choose() -> npt.ArrayLike:
        unit = normalize(points)
        clusters = KMeans(pool.setting.budget, max_iter=100, random_state=0).fit(unit)
        return pairwise_distances_argmin(clusters.cluster_centers_, unit)

    return choose


PEERS: dict[str, dict[str, Callable[[Pool], Choose]]] = {
    "random": {"scikit-activeml": partial(skactiveml, "RandomSampling")},
    "confidence": {
        "scikit-activeml": partial(skactiveml_uncertainty, "least_confident"),
        "modAL": partial(modal, "uncertainty_sampling"),
    },
    "margin": {
        "scikit-activeml": partial(skactiveml_uncertainty, "margin_sampling"),
        "modAL": partial(modal, "margin_sampling"),
    },
    "entropy": {
        "scikit-activeml": partial(skactiveml_uncertainty, "entropy"),
        "modAL": partial(modal, "entropy_sampling"),
    },
    "bald": {"scikit-activeml": skactiveml_bald},
    "badge": {"scikit-activeml": partial(skactiveml_with_head, "Badge"), "plain NumPy": plain_badge},
    "coreset": {"scikit-activeml": partial(skactiveml, "CoreSet"), "ALiPy": alipy_coreset},
    "dropquery": {"scikit-activeml": partial(skactiveml_with_head, "DropQuery", n_dropout_samples=3)},
    "kmeans": {"faiss": faiss_k_means, "scikit-learn": sklearn_k_means},
    "maxherding": {"scikit-activeml": skactiveml_max_herding},
    "typiclust": {"scikit-activeml": partial(skactiveml, "TypiClust", k=20)},
    "probcover": {
        "scikit-activeml": lambda pool: skactiveml("ProbCover", pool, n_classes=pool.setting.classes),
    },
}
"""Every peer that does the work of a strategy, by strategy and library: pool → what is to be measured."""

REMARKS = {
    "badge": "scikit-activeml counts the origin among the centres, so it spreads less than BADGE's k-means++ seeding.",
    "bald": "20 passes of dropout are part of the work on both sides, in a few lines of NumPy for scikit-activeml.",
    "dropquery": "ours clusters at least 25 · B candidates, as the authors do; scikit-activeml fewer, surer ones.",
    "maxherding": "scikit-activeml covers the whole pool with picks from all of it, ours by default samples of both.",
    "probcover": "scikit-activeml tries radii in steps of 0.2; quality is the share covered at radius 0.8.",
    "typiclust": "scikit-activeml makes L + B clusters, ours at most 500, as the authors do.",
    "kmeans": "all from a k-means++ start; faiss stops once an iteration gains less than 1e-4, ours by its own rule.",
}
"""Where the work of a peer differs from ours."""
