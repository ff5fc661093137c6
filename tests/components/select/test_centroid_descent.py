"""Adam on the directions of centroids, against torch."""

import numpy as np
import torch

from labelcycle.components.select.centroid_repulsion import descend
from labelcycle.components.select.points import unit_length


def unit(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def test_descent_is_that_of_adam_on_normalised_centroids() -> None:
    start, targets = unit(4) * 3, torch.from_numpy(unit(4, seed=1)).double()
    raw = torch.from_numpy(start).double().requires_grad_()
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(40):
        optimiser.zero_grad()
        (-((torch.nn.functional.normalize(raw) * targets).sum() ** 3)).backward()
        optimiser.step()

    def objective(centroids: np.ndarray) -> tuple[float, np.ndarray]:
        total = float((centroids * targets.numpy()).sum())
        return -(total**3), -3 * total**2 * targets.numpy()

    found = descend(start, objective, 40, 0.05)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(raw).detach(), atol=1e-4)


def test_descent_ends_when_the_objective_stays() -> None:
    asked = []

    def flat(centroids: np.ndarray) -> tuple[float, np.ndarray]:
        asked.append(centroids)
        return 1.0, np.zeros_like(centroids, dtype=np.float64)

    descend(unit(2), flat, 100, 0.1, tolerance=1e-9)
    assert len(asked) == 50
    descend(unit(2), flat, 100, 0.1)
    assert len(asked) == 150


def test_centroids_of_length_zero_may_move() -> None:
    found = descend(np.zeros((2, 3), np.float32), lambda unit: (0.0, np.array([[1.0, 0, 0], [0, 0, 0]])), 3, 0.1)
    np.testing.assert_allclose(found, [[-1, 0, 0], [0, 0, 0]], atol=1e-6)
