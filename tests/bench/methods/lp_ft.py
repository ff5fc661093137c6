"""Rates and steps with which fine-tuning, and probing before it, train on few labels: what the study of ASVP takes.

`python -m tests.bench.methods.lp_ft --archive eurosat.tar --weights vit.safetensors`
"""

from typing import Any

import numpy as np

from tests.bench.methods.arms import Arm, Bench, curve
from tests.bench.methods.markdown import percent, table
from tests.bench.methods.options import read_options, settings_line

BATCH = 32
EPOCHS = 9
"""Of probing there are as many as an arm says for so many of fine-tuning; `min_steps` makes both longer alike."""


def _tuned(steps: int, rate: float) -> tuple[str, dict[str, Any]]:
    return "standard_ft", {"trainer.min_steps": steps, "trainer.learning_rate": rate}


def _probed(probe_epochs: int, probe_rate: float, rate: float) -> tuple[str, dict[str, Any]]:
    settings = {"trainer.probe_epochs": probe_epochs, "trainer.probe_learning_rate": probe_rate}
    return "standard_lp_ft", _tuned(90, rate)[1] | settings


ARMS = {
    "FT at 0.001, 60 steps": _tuned(60, 0.001),
    "FT at 0.001, 90 steps": _tuned(90, 0.001),
    "FT at 0.001, 180 steps": _tuned(180, 0.001),
    "FT at 0.003, 90 steps": _tuned(90, 0.003),
    "LP of 300 steps at 0.05, FT at 0.0003, 90 steps": _probed(30, 0.05, 0.0003),
    **{
        f"LP of 10 steps at {probe_rate}, FT at {rate}, 90 steps": _probed(1, probe_rate, rate)
        for probe_rate, rate in ((0.05, 0.0001), (0.05, 0.0003), (0.05, 0.001), (0.01, 0.001))
    },
}


def main() -> None:
    """Train on random labels, anew at each number of them, and print a table."""
    options = read_options(__doc__ or "", pool=800, test=500, batch=75, cycles=2, seeds=3)
    bench = Bench(options.out / "lp-ft", options.begin(), options.cores)
    shared = {"trainer.epochs": EPOCHS, "trainer.batch_size": BATCH, "trainer.head_learning_rate": 0.01}
    shared |= {"selector.strategy": "random", "schedule.warm_start": False}
    states = bench.run(
        [
            Arm(name, recipe, shared | settings, seed)
            for seed in range(options.seeds)
            for name, (recipe, settings) in ARMS.items()
        ]
    )
    print(settings_line(options, "lp_ft"))
    print("Accuracy, %, mean ± standard error; the same random labels in every row.\n")
    rows = []
    for name in ARMS:
        found = np.array([curve(states[name, seed]).accuracy for seed in range(options.seeds)])
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        rows.append(
            [name, *(f"{percent(mean)} ± {percent(each)}" for mean, each in zip(found.mean(0), error, strict=True))]
        )
    print(table(["training", *(f"{labels} labels" for labels in options.labels)], rows))


if __name__ == "__main__":
    main()
