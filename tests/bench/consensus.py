"""How often each consensus is right, with people and a model of known skill: `python -m tests.bench.consensus`."""

import time

import numpy as np
from rich.console import Console
from rich.table import Table

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.config.labelling import ConsensusMethod
from labelcycle.components.labelling.consensus import Probabilities, consensus_of

SAMPLES, CLASSES, SEED = 2_000, 10, 0
SKILLS = {"good": 0.95, "fair": 0.8, "careless": 0.3}
MODEL = 0.8
METHODS: tuple[ConsensusMethod, ...] = ("majority", "crowdlab")


def crowd() -> tuple[list[Vote], Probabilities, list[str]]:
    """One to three people a sample, who guess where they do not know, and a model that does so too."""
    generator = np.random.default_rng(SEED)
    truth = generator.integers(CLASSES, size=SAMPLES)
    votes: list[Vote] = []
    thoughts: Probabilities = {}
    for number, right in enumerate(truth):
        name = f"{number:05d}"
        for person in generator.choice(list(SKILLS), size=generator.integers(1, 4), replace=False):
            answer = right if generator.random() < SKILLS[person] else generator.integers(CLASSES)
            votes.append(Vote(name, str(person), str(answer), "ok", "", ""))
        thought = right if generator.random() < MODEL else generator.integers(CLASSES)
        thoughts[name] = np.where(np.arange(CLASSES) == thought, 0.64, 0.04).astype(np.float32)
    return votes, thoughts, [str(right) for right in truth]


def main() -> None:
    """Print one row a method."""
    votes, thoughts, truth = crowd()
    table = Table(title=f"{SAMPLES} samples, {CLASSES} classes, seed {SEED}", caption="python -m tests.bench.consensus")
    for heading in ("consensus", "right", "without a label", "seconds"):
        table.add_column(heading, justify="right")
    for method in METHODS:
        start = time.perf_counter()
        labels = consensus_of(votes, method, [str(number) for number in range(CLASSES)], thoughts)["label"].to_pylist()
        seconds = time.perf_counter() - start
        right = np.mean([label == wanted for label, wanted in zip(labels, truth, strict=True)])
        table.add_row(method, f"{right:.1%}", f"{labels.count(None) / SAMPLES:.1%}", f"{seconds:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
