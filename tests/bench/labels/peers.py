"""Methods of scikit-activeml, and UHerding, which it lacks, in NumPy.

A method that asks the head sees features as the head's linear layer does. The others see them standardised, and of unit
length where their papers want that.
"""

import heapq
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.models.heads import Head, unit_standardised
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory
from tests.bench.labels.heads import seen_by
from tests.bench.labels.methods import Asks

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

AS_THE_HEAD, UNIT = "as the head sees them", "standardised, unit length"


@dataclass(frozen=True)
class Peer:
    """A strategy of scikit-activeml.

    Attributes:
        strategy: its class.
        arguments: of the class.
        features: what it is given.
    """

    strategy: str
    arguments: dict[str, Any] = field(default_factory=dict)
    features: str = AS_THE_HEAD

    def settings(self) -> dict[str, Any]:
        """What decides its choices."""
        return {"strategy": self.strategy, "arguments": self.arguments, "features": self.features}


NUMPY_UHERDING = "uherding in NumPy, 1"
PEERS = {
    "random": Peer("RandomSampling", features=UNIT),
    "margin": Peer("UncertaintySampling", {"method": "margin_sampling"}),
    "entropy": Peer("UncertaintySampling", {"method": "entropy"}),
    "badge": Peer("Badge"),
    "dropquery": Peer("DropQuery"),
    "coreset": Peer("CoreSet", features=UNIT),
    "typiclust": Peer("TypiClust", features=UNIT),
    "probcover": Peer("ProbCover", features=UNIT),
    "maxherding": Peer("MaxHerding", features=UNIT),
    "uherding": Peer(NUMPY_UHERDING, features=UNIT),
}


def peer_on(name: str, history: LabelledHistory, seed: int) -> Asks:
    """A peer on this pool."""
    peer = PEERS[name]
    moments = feature_moments([history.pool.features])
    assert moments is not None
    unit = unit_standardised(history.pool.features.astype(np.float32), *moments)
    if peer.strategy == NUMPY_UHERDING:
        return _Herding(unit, history.pool.features)
    return _Skactiveml(peer, history, unit, seed)


class _Skactiveml:
    """One object of the strategy for the whole campaign, as its users have it."""

    def __init__(self, peer: Peer, history: LabelledHistory, unit: Floats, seed: int) -> None:
        import skactiveml.pool

        arguments = dict(peer.arguments)
        if peer.strategy == "ProbCover":
            arguments["n_classes"] = len(history.classes)
        self.strategy = getattr(skactiveml.pool, peer.strategy)(random_state=seed, **arguments)
        self.peer, self.pool = peer, history.pool
        self.unit: Floats = unit
        self.seen: Floats | None = None

    def __call__(self, cycle: int, labelled: npt.NDArray[np.bool_], head: Head | None, budget: int) -> Rows:
        classes = np.where(labelled, self.pool.classes, np.nan)
        query: dict[str, Any] = {}
        features = self.unit
        if self.peer.features == AS_THE_HEAD:
            from tests.bench.labels.fitted_classifier import FittedClassifier

            assert head is not None
            if self.seen is None:
                self.seen = seen_by(head, self.pool.features)
            features = self.seen
            query = {"clf": FittedClassifier(head), "fit_clf": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.strategy.query(X=features, y=classes, batch_size=budget, **query)
        return np.sort(np.asarray(found, np.int64))


class _Herding:
    """UHerding: Bae, Oliveira and Sutherland, 2024; σ is the least distance between labelled samples, as theirs."""

    def __init__(self, unit: Floats, features: Floats) -> None:
        self.unit, self.features = unit, features
        self.distances = np.maximum(2 - 2 * (unit @ unit.T), 0)

    def __call__(self, cycle: int, labelled: npt.NDArray[np.bool_], head: Head | None, budget: int) -> Rows:
        assert head is not None
        best = np.sort(head.probabilities(self.features), axis=1)[:, :-3:-1]
        uncertainty = 1 - (best[:, 0] - best[:, 1])
        known = np.flatnonzero(labelled)
        apart = self.distances[np.ix_(known, known)] + np.where(np.eye(len(known)) > 0, np.inf, 0)
        least = float(apart[apart > 1e-6].min(initial=2.0))
        kernel = np.exp(self.distances / np.float32(-2 * least))
        covered = kernel[:, known].max(axis=1)
        candidates = np.flatnonzero(~labelled)
        queue = [(-float(uncertainty @ np.maximum(kernel[row] - covered, 0)), row) for row in candidates.tolist()]
        heapq.heapify(queue)
        picks: list[int] = []
        while len(picks) < budget:  # gains only fall, so one that is still the best after an update is the best
            row = heapq.heappop(queue)[1]
            gain = float(uncertainty @ np.maximum(kernel[row] - covered, 0))
            if queue and gain < -queue[0][0]:
                heapq.heappush(queue, (-gain, row))
                continue
            picks.append(row)
            covered = np.maximum(covered, kernel[row])
        return np.sort(np.array(picks, np.int64))
