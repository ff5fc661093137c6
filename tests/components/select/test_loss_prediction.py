"""Loss prediction: what it learns, and that training leaves no trace in the process."""

import numpy as np
import pytest
import torch

from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.select.loss_prediction import (
    DenseLayers,
    Ranking,
    dense_layers,
    losses_of_head,
    seeded_training,
    standardisation_of,
    train_loss_predictor,
)

SETTINGS = {"hidden": 16, "epochs": 60, "learning_rate": 3e-3}


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1])


@pytest.mark.parametrize("ranking", ["margin", "logistic"])
def test_it_learns_to_rank_unseen_samples(ranking: Ranking) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(3, 2, (600, 5)).astype(np.float16)
    losses = np.abs(features[:, 0] - 3).astype(np.float32)
    predictor = train_loss_predictor(features[:300], losses[:300], 0, ranking=ranking, **SETTINGS)
    assert rank_agreement(predictor(features[300:]), losses[300:]) > 0.8
    parts = predictor.over_pool(np.tile(features, (8, 1)))
    np.testing.assert_allclose(parts, np.tile(predictor(features), 8), atol=1e-5)


def test_equal_losses_teach_nothing() -> None:
    features = np.random.default_rng(0).normal(size=(10, 3))
    for count in (0, 1, 10):
        predictor = train_loss_predictor(
            features[:count], np.ones(count, np.float32), 0, ranking="margin", hidden=4, epochs=2, learning_rate=0.1
        )
        assert predictor.layers is None
        assert predictor(features).tolist() == [0] * 10


def test_the_seed_decides_whatever_the_process_did_before() -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    losses = features[:, 0].astype(np.float32) ** 2

    def train(seed: int) -> list[float]:
        predictor = train_loss_predictor(
            features, losses, seed, ranking="margin", hidden=4, epochs=3, learning_rate=0.1
        )
        return predictor(features).tolist()

    first = train(1)
    torch.rand(3)
    assert train(1) == first
    assert train(2) != first


def test_random_state_and_threads_are_left_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        state = torch.get_rng_state()
        with pytest.raises(RuntimeError), seeded_training(3):
            assert torch.get_num_threads() == 1
            drawn = torch.rand(4)
            raise RuntimeError
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.get_rng_state(), state)
        with seeded_training(3):
            assert torch.equal(torch.rand(4), drawn)
    finally:
        torch.set_num_threads(before)


def test_losses_are_cross_entropies() -> None:
    generator = np.random.default_rng(0)
    head = LinearHead(
        *(np.full(3, value, np.float32) for value in (0, 1, 1, 0)),
        weight=generator.normal(size=(4, 3)).astype(np.float32),
        bias=generator.normal(size=4).astype(np.float32),
    )
    features, classes = generator.normal(size=(20, 3)), generator.integers(0, 4, 20)
    logits = torch.from_numpy(head.logits(features))
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(classes), reduction="none")
    np.testing.assert_allclose(losses_of_head(head, features, classes), expected, atol=1e-5)
    assert np.isfinite(losses_of_head(head, 1e4 * features, classes)).all()


def test_layers_compute_what_torch_does() -> None:
    linear = [torch.nn.Linear(3, 5), torch.nn.Linear(5, 4), torch.nn.Linear(4, 2)]
    network = torch.nn.Sequential(linear[0], torch.nn.ReLU(), linear[1], torch.nn.ReLU(), linear[2])
    inputs = torch.randn(7, 3)
    layers = dense_layers(linear)
    np.testing.assert_allclose(layers(inputs.numpy()), network(inputs).detach(), atol=1e-6)
    with torch.no_grad():
        linear[0].weight.zero_()
    assert layers.weights[0].any()
    assert isinstance(layers, DenseLayers)


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    features = np.random.default_rng(0).normal(5, 3, (500, 2)).astype(np.float16)
    features = np.concatenate([features, np.full((500, 1), 7, np.float16)], axis=1)
    result = standardisation_of(features)(features)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(result.std(axis=0), [1, 1, 0], atol=1e-3)
    unmeasured = standardisation_of(features[:0])
    assert unmeasured(np.array([[-3, 4, 1e4]])).tolist() == [[-3, 4, 10]]
