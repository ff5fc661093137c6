"""TA-VAAL: samples that a discriminator tells from labelled ones, in a latent space that knows which losses are large.

A variational autoencoder learns features of labelled and unlabelled samples, given the rank of their predicted loss,
and tries to make both look labelled to a discriminator; the discriminator tries to tell them apart.

Source: Kim et al., CVPR 2021, sections 3.2 to 3.4, on frozen features, hence with dense layers; named as a baseline in
VeCAF, section 4.1.
Cost: about 6·batch·d·hidden multiply-adds a step to train on one thread; N·d·hidden to predict; L·d numbers and 8 bytes
a sample of memory beside the features.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.loss_prediction import (
    BATCH,
    DenseLayers,
    LossPredictor,
    Standardisation,
    dense_layers,
    losses_of_head,
    seeded_training,
    standardisation_of,
    train_loss_predictor,
)
from labelcycle.components.select.points import Floats
from labelcycle.components.select.ranking import best_first
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

MEASURED = 10_000
"""Features are standardised by so many samples of the pool and the labelled ones."""

LARGEST_LOGARITHM = 10.0
"""Logarithms of latent variances are kept between this and its negative, so that none overflows."""


@strategy(needs={"features", "head", "labelled_features", "labelled_classes"})
def tavaal(
    pool: Candidates,
    budget: int,
    seed: int,
    epochs: int = 100,
    steps: int = 500,
    hidden: int = 256,
    latent: int = 32,
    balance: float = 1.0,
    adversary: float = 1.0,
    learning_rate: float = 5e-4,
) -> Picks:
    """The samples that the discriminator is surest are unlabelled.

    Args:
        pool: `features` (N, d), `head`, `labelled_features` (L, d) and `labelled_classes` (L,).
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides initial weights and batches.
        epochs: passes over the labelled samples, at most `steps` steps in all.
        steps: most steps.
        hidden: width of the networks' layers.
        latent: width of the latent space.
        balance: β, the weight of the divergence from the normal distribution.
        adversary: the weight of deceiving the discriminator.
        learning_rate: of Adam, for both networks.

    Raises:
        ConfigurationError: a number out of its range.

    The score is the log-odds of being unlabelled; 0 for all where there is no labelled sample.
    """
    assert pool.features is not None and pool.head is not None
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    for name, value in (("epochs", epochs), ("steps", steps), ("hidden", hidden), ("latent", latent)):
        require_at_least(name, value, 1)
    require_at_least("balance", balance, 0)
    require_at_least("adversary", adversary, 0)
    require_above("learning_rate", learning_rate, 0)
    scores: npt.NDArray[np.float64] = np.zeros(len(pool))
    if len(pool.labelled_features):
        predictor = train_loss_predictor(
            pool.labelled_features,
            losses_of_head(pool.head, pool.labelled_features, pool.labelled_classes),
            seed_for(seed, pool.cycle, "tavaal ranking"),
            ranking="logistic",
            hidden=hidden,
            epochs=epochs,
            learning_rate=learning_rate,
        )
        shape = Shape(hidden, latent, balance, adversary, learning_rate)
        batches = -(-len(pool.labelled_features) // BATCH)
        novelty = train_novelty(
            pool.features,
            pool.labelled_features,
            predictor,
            shape,
            min(steps, epochs * batches),
            seed_for(seed, pool.cycle, "tavaal"),
        )
        scores = novelty.over_pool(pool.features)
    rows = best_first(scores, pool.ids)[:budget]
    reasons = [f"unlabelled with probability {1 / (1 + np.exp(-score)):.3f}" for score in scores[rows].clip(-500, 500)]
    return Picks(rows, scores[rows], reasons)


@dataclass(frozen=True)
class Shape:
    """Widths and weights of the networks: see `tavaal`."""

    hidden: int
    latent: int
    balance: float
    adversary: float
    learning_rate: float


@dataclass(frozen=True)
class Novelty:
    """The trained encoder and discriminator.

    Attributes:
        standardisation: of the features.
        predictor: of losses, whose ranks are the condition.
        encoder: features → latent mean.
        discriminator: latent mean and condition → log-odds of being labelled.
    """

    standardisation: Standardisation
    predictor: LossPredictor
    encoder: DenseLayers
    discriminator: DenseLayers

    def over_pool(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Log-odds of being unlabelled: (N, d) → (N,), block by block on all cores."""

        def judge(rows: slice) -> Floats:
            latent = self.encoder(self.standardisation(features[rows]))
            judged = self.discriminator(np.column_stack([latent, condition(self.predictor, features[rows])]))
            return -judged[:, 0]

        return np.concatenate(for_each_block(len(features), judge)).astype(np.float64)


def condition(predictor: LossPredictor, features: npt.NDArray[np.floating]) -> Floats:
    """The normalised rank of predicted losses, sigmoid(l̂): (n, d) → float32 (n,)."""
    result: Floats = (np.tanh(predictor(features) / 2) / 2 + 0.5).astype(np.float32)
    return result


def train_novelty(
    features: npt.NDArray[np.floating],
    labelled: npt.NDArray[np.floating],
    predictor: LossPredictor,
    shape: Shape,
    steps: int,
    seed: int,
) -> Novelty:
    """Train the autoencoder and the discriminator against each other, one step each in turn.

    Args:
        features: unlabelled, (N, d).
        labelled: (L, d), L ≥ 1.
        predictor: of losses.
        shape: of the networks.
        steps: how many.
        seed: decides initial weights and batches.
    """
    import torch
    from torch.nn.functional import mse_loss, softplus

    generator = np.random.default_rng(seed)
    measured = np.sort(generator.choice(len(features), min(MEASURED, len(features)), replace=False))
    standardisation = standardisation_of(np.concatenate([features[measured], labelled]))
    width = features.shape[1]

    def batch(source: npt.NDArray[np.floating]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = np.sort(generator.choice(len(source), min(BATCH, len(source)), replace=False))
        ranks = condition(predictor, source[rows])[:, None]
        return torch.from_numpy(standardisation(source[rows])), torch.from_numpy(ranks)

    def layers(*widths: int) -> list[torch.nn.Linear]:
        return [torch.nn.Linear(one, other) for one, other in zip(widths, widths[1:], strict=False)]

    def apply(linear: list[torch.nn.Linear], values: torch.Tensor) -> torch.Tensor:
        for layer in linear[:-1]:
            values = torch.relu(layer(values))
        result: torch.Tensor = linear[-1](values)
        return result

    with seeded_training(seed):
        trunk, mean = torch.nn.Linear(width, shape.hidden), torch.nn.Linear(shape.hidden, shape.latent)
        spread = torch.nn.Linear(shape.hidden, shape.latent)
        decoder = layers(shape.latent + 1, shape.hidden, width)
        discriminator = layers(shape.latent + 1, shape.hidden, shape.hidden, 1)
        autoencoder = torch.nn.ModuleList([trunk, mean, spread, *decoder])
        autoencoder_steps = torch.optim.Adam(autoencoder.parameters(), shape.learning_rate)
        discriminator_steps = torch.optim.Adam(torch.nn.ModuleList(discriminator).parameters(), shape.learning_rate)
        for _ in range(steps):
            both = [batch(labelled), batch(features)]
            loss = torch.zeros(())
            for inputs, ranks in both:
                inner = torch.relu(trunk(inputs))
                centre, logarithm = mean(inner), spread(inner).clamp(-LARGEST_LOGARITHM, LARGEST_LOGARITHM)
                drawn = centre + torch.exp(logarithm / 2) * torch.randn_like(centre)
                divergence = -0.5 * torch.mean(1 + logarithm - centre**2 - torch.exp(logarithm))
                judged = apply(discriminator, torch.cat([centre, ranks], 1))
                loss = loss + mse_loss(apply(decoder, torch.cat([drawn, ranks], 1)), inputs)
                loss = loss + shape.balance * divergence + shape.adversary * softplus(-judged).mean()
            autoencoder_steps.zero_grad()
            loss.backward()
            autoencoder_steps.step()
            with torch.no_grad():
                seen = [torch.cat([apply([trunk, mean], inputs), ranks], 1) for inputs, ranks in both]
            is_labelled, is_not = (apply(discriminator, points) for points in seen)
            discriminator_steps.zero_grad()
            (softplus(-is_labelled).mean() + softplus(is_not).mean()).backward()
            discriminator_steps.step()
        return Novelty(standardisation, predictor, dense_layers([trunk, mean]), dense_layers(discriminator))
