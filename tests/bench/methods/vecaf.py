"""VeCAF's tables 6 and 7 on real features: `python -m tests.bench.methods.vecaf --features FILE.npz`.

The paper fine-tunes DeiT-B on CIFAR-10, Caltech101 and ImageNet with captions of images; here a linear head is trained
on features of any frozen network, with captions made from the class, so only directions can be compared. Every row
comes from the run that prints it. The file has `features` (N, d), `labels` (indices), `classes` and `ids`.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.embed.caption_model import CaptionModel
from labelcycle.pipelines.data_selection.batches_to_accuracy import BatchCurve
from labelcycle.pipelines.data_selection.simulate_loops import LabelledPool, SelectionArm, Simulated, simulate_selection
from labelcycle.pipelines.initialise.caption_sources import DEFAULT, PLACE, TEMPLATE, encoder_folder
from labelcycle.pipelines.recipes.catalogue import recipe_path
from tests.bench.methods.markdown import percent, points, table

TEST_SHARE = 0.1
LOOPS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Row:
    """A row of a table: its name, strategy, and what differs from the recipe's settings."""

    name: str
    strategy: str
    augmentation: str = "none"
    loops: int = 3
    share: float | None = None


ROWS = (
    Row("random", "random"),
    Row("none (ActiveFT)", "activeft"),
    Row("ODS", "vecaf_ods"),
    Row("CEA (ActiveFT), selected", "activeft", "selected"),
    Row("ODS + CEA, selected", "vecaf_ods", "selected"),
    Row("CEA (ActiveFT), pool", "activeft", "pool"),
    Row("ODS + CEA, pool", "vecaf_ods", "pool"),
    Row("all data, one loop", "random", loops=1, share=1.0),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--encoder", default=DEFAULT, help="folder of a text encoder, or a package that carries one")
    parser.add_argument("--pool", type=int, default=3000, help="samples to choose from, drawn at random; 0 for all")
    parser.add_argument("--share", type=float, default=0.02, help="share of the pool that each loop selects")
    parser.add_argument("--batches", type=int, default=750, help="training batches of all loops")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--to", default="0.8,0.85,0.9", help="accuracies of the batches-to-accuracy columns")
    options = parser.parse_args()
    start = time.perf_counter()
    recipe = read_recipe(recipe_path("vecaf_linear"))
    assert isinstance(recipe.trainer, LinearTrainer)
    bench = Bench(
        read_pool(options.features, options.encoder, options.pool),
        recipe.trainer,
        options.share,
        options.batches,
        options.seeds,
    )
    targets = [float(text) for text in options.to.split(",")]
    pool = bench.pool
    print(
        f"{options.features.name}: {len(pool.ids)} pool, {len(pool.test_classes)} test, {len(pool.names)} classes; "
        f"{bench.selected(ROWS[0])} samples a loop, {options.batches} batches, {options.seeds} seeds; linear head, "
        f"SGD {recipe.trainer.learning_rate:g}\n"
    )
    print(bench.table_6(targets))
    print()
    print(bench.table_7())
    print(f"\n{time.perf_counter() - start:.0f} s")


class Bench:
    """The pool and what all rows share; every row is run once for each seed."""

    def __init__(self, pool: LabelledPool, trainer: LinearTrainer, share: float, batches: int, seeds: int) -> None:
        self.pool, self.trainer, self.share, self.batches, self.seeds = pool, trainer, share, batches, seeds
        self._done: dict[tuple[object, ...], list[Simulated]] = {}

    def selected(self, row: Row) -> int:
        """Samples a loop."""
        return round((self.share if row.share is None else row.share) * len(self.pool.ids))

    def run(self, row: Row) -> list[Simulated]:
        """The row's arms, one a seed."""
        key = (row.strategy, row.augmentation, row.loops, row.share)
        if key not in self._done:
            settings = DataSelection.model_validate(
                {
                    "loops": row.loops,
                    "total_batches": self.batches,
                    "measurements": max(1, round(30 / row.loops)),
                    "augmentation": row.augmentation,
                }
            )
            arm = SelectionArm(row.strategy, self.selected(row), settings, self.trainer)
            self._done[key] = [simulate_selection(self.pool, arm, seed) for seed in range(self.seeds)]
        return self._done[key]

    def table_6(self, targets: Sequence[float]) -> str:
        """Table 6 with a random arm: what ODS and CEA add, at the end and in batches to accuracy."""
        base = np.mean(ends(self.run(ROWS[1])))
        rows = []
        for row in ROWS:
            arms = self.run(row)
            accuracies = ends(arms)
            counts = [median_batches(arms, target) for target in targets]
            against = points(float(np.mean(accuracies) - base)) if row != ROWS[1] else ""
            rows.append([row.name, f"{percent(float(np.mean(accuracies)), 2)} ± {error(accuracies)}", against, *counts])
        return table(["", "accuracy", "against none", *(f"B2A@{percent(to, 0)}" for to in targets)], rows)

    def table_7(self) -> str:
        """Table 7: the same number of batches in more or fewer loops, next to random selection in as many."""
        rows = []
        for loops in LOOPS:
            cells = []
            for strategy, augmentation in (("vecaf_ods", "selected"), ("random", "none")):
                accuracies = ends(self.run(Row(f"{strategy} {loops}", strategy, augmentation, loops)))
                cells.append(f"{percent(float(np.mean(accuracies)), 2)} ± {error(accuracies)}")
            rows.append([str(loops), *cells])
        return table(["loops", "ODS + CEA, selected", "random"], rows)


def ends(arms: Sequence[Simulated]) -> list[float]:
    """The last accuracy of each arm."""
    return [arm.points[-1].figures["accuracy"] for arm in arms]


def error(values: Sequence[float]) -> str:
    """The standard error of the mean, as a percentage, as the paper prints it."""
    return percent(float(np.std(values, ddof=1) / np.sqrt(len(values))), 2) if len(values) > 1 else "?"


def median_batches(arms: Sequence[Simulated], target: float) -> str:
    """The median over the arms of the batches to an accuracy; – where half of them never reached it."""
    counts = [BatchCurve("", "", 1, 1, 1, arm.points).batches_to(target) for arm in arms]
    found = float(np.median([np.inf if count is None else count for count in counts]))
    return f"{found:.0f}" if np.isfinite(found) else "–"


def read_pool(path: Path, encoder: str, size: int) -> LabelledPool:
    """A tenth of the features for testing, a pool of `size` others (0 for all), and captions made from the class."""
    with np.load(path) as file:
        features, labels = file["features"].astype(np.float16), file["labels"].astype(np.int64)
        names, ids = [str(name) for name in file["classes"]], file["ids"].astype(np.str_)
    order = np.argsort(ids)
    features, labels, ids = features[order], labels[order], ids[order]
    drawn = np.random.default_rng(0).permutation(len(ids))
    test, pool = np.split(drawn, [round(TEST_SHARE * len(ids))])
    test, pool = np.sort(test), np.sort(pool[: size or len(pool)])
    texts = CaptionModel(encoder_folder(encoder))([TEMPLATE.replace(PLACE, name) for name in names])
    return LabelledPool(
        ids[pool], features[pool], labels[pool], texts[labels[pool]], features[test], labels[test], names
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
