"""PEAL against linear probing: accuracy by cycle, class balance, and how wrong the model is about what it asks for.

`python -m tests.bench.methods.peal --archive eurosat.tar --weights vit.safetensors`
"""

from collections.abc import Mapping

import numpy as np

from labelcycle.components.core.campaign.state import State
from tests.bench.methods.arms import Arm, Bench, curve
from tests.bench.methods.markdown import percent, points, table
from tests.bench.methods.options import Options, read_options, settings_line

QUERIES = {
    "random": {"selector.strategy": "random", "selector.class_balanced": False},
    "entropy": {"selector.strategy": "entropy", "selector.class_balanced": False},
    "entropy balanced": {"selector.strategy": "entropy", "selector.class_balanced": True},
    "featdist": {"selector.strategy": "featdist", "selector.class_balanced": False},
    "featdist balanced": {"selector.strategy": "featdist", "selector.class_balanced": True},
}
TRAINERS = {"linear probe": "linear_probe", "PEAL": "peal_entropy"}
EPOCHS = 20
"""The paper has 50; fewer keep the bench short on a processor."""


States = Mapping[tuple[str, int], State]


def main() -> None:
    """Run the campaigns and print the tables."""
    options = read_options(__doc__ or "", pool=1500, test=1000, batch=30, cycles=10, seeds=1)
    bench = Bench(options.out / "peal", options.begin(), options.cores)
    arms = [
        Arm(f"{trainer} {query}", recipe, {"trainer.epochs": EPOCHS, **settings}, seed)
        for seed in range(options.seeds)
        for trainer, recipe in TRAINERS.items()
        for query, settings in QUERIES.items()
    ]
    states = bench.run(arms)
    print(settings_line(options, "peal"), f"{EPOCHS} epochs a cycle.")
    print("\n### Accuracy by labels, %\n")
    print(accuracies(states, options))
    print("\n### Class-balanced less class-agnostic, percentage points, and the mean over the cycles\n")
    print(balance(states, options))
    print("\n### Unknown to known in each query: samples that the model got wrong for each that it got right\n")
    print(unknown_to_known(states, options))


def accuracies(states: States, options: Options) -> str:
    """Mean accuracy over the seeds of every arm at every number of labels."""
    names = list(dict.fromkeys(name for name, _ in states))
    rows = [[name, *(percent(value) for value in _mean(states, name, options))] for name in names]
    return table(["arm", *map(str, options.labels)], rows)


def balance(states: States, options: Options) -> str:
    """The paper's Table 2: what asking for equal numbers of each predicted class changes."""
    rows = []
    for trainer in TRAINERS:
        for query in ("entropy", "featdist"):
            gain = _mean(states, f"{trainer} {query} balanced", options) - _mean(states, f"{trainer} {query}", options)
            rows.append([f"{trainer} {query}", *map(points, gain), points(float(gain[1:].mean()))])
    return table(["arm", *map(str, options.labels), "mean"], rows)


def unknown_to_known(states: States, options: Options) -> str:
    """The paper's Figure 1."""
    names = list(dict.fromkeys(name for name, _ in states))
    rows = []
    for name in names:
        ratios = []
        for seed in range(options.seeds):
            trained = states[name, seed].trained[:-1]
            ratios.append([(cycle.unknown or 0) / max(cycle.known or 0, 1) for cycle in trained])
        rows.append([name, *(f"{value:.2f}" for value in np.mean(ratios, axis=0))])
    return table(["query after labels", *map(str, options.labels[:-1])], rows)


def _mean(states: States, name: str, options: Options) -> np.ndarray:
    return np.mean([curve(states[name, seed]).accuracy for seed in range(options.seeds)], axis=0)


if __name__ == "__main__":
    main()
