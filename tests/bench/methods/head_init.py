"""What the head begins at that is trained together with a backbone: random numbers against class prototypes.

`python -m tests.bench.methods.head_init --archive eurosat.tar --weights vit.safetensors`
"""

from typing import Any

import numpy as np

from tests.bench.methods.arms import Arm, Bench, curve
from tests.bench.methods.markdown import table
from tests.bench.methods.options import read_options, settings_line

EPOCHS = 20
RATES = {"trainer.learning_rate": 0.001, "trainer.head_learning_rate": 0.01, "trainer.batch_size": 64}
TRAINERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("peal_entropy", {"selector.class_balanced": False}),
    "ft": ("standard_ft", RATES),
    "lp_ft": ("standard_lp_ft", RATES | {"trainer.probe_learning_rate": 0.05}),
}
INITS = ("random", "prototypes")


def main() -> None:
    """Run the campaigns, whose queries are random and whose cycles all begin anew, and print a table."""
    options = read_options(__doc__ or "", pool=200, test=800, batch=50, cycles=2, seeds=3)
    bench = Bench(options.out / "head-init", options.begin(), options.cores)
    shared = {"trainer.epochs": EPOCHS, "selector.strategy": "random", "schedule.warm_start": False}
    arms = [
        Arm(f"{trainer} {init}", recipe, shared | settings | {"trainer.head_init": init}, seed)
        for seed in range(options.seeds)
        for trainer, (recipe, settings) in TRAINERS.items()
        for init in INITS
    ]
    states = bench.run(arms)
    print(settings_line(options, "head_init"), f"{EPOCHS} epochs a cycle.\n")
    rows = []
    for trainer in TRAINERS:
        found = {
            init: np.array([curve(states[f"{trainer} {init}", seed]).accuracy for seed in range(options.seeds)])
            for init in INITS
        }
        for init, accuracy in found.items():
            rows.append([f"{trainer}, {init}", *(f"{value:.3f}" for value in accuracy.mean(axis=0))])
        gain = found["prototypes"] - found["random"]
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
        rows.append([f"{trainer}, gain ± its standard error", *map(_with_error, gain.mean(axis=0), error)])
    print(table(["trainer, head_init", *map(str, options.labels)], rows))


def _with_error(value: float, error: float) -> str:
    return f"{value:+.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()
