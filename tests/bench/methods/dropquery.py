"""DropQuery against other strategies at as many labels a cycle as there are classes, with and without a centroid start.

`python -m tests.bench.methods.dropquery --embeddings features.npz`
"""

import argparse
from pathlib import Path

from labelcycle.pipelines.backtest.leaderboard import Leaderboard, LeaderboardEntry
from labelcycle.pipelines.backtest.local import run_backtest
from labelcycle.pipelines.backtest.prepare import BacktestRequest, prepare
from tests.bench.methods.markdown import percent, table

STRATEGIES = [
    "random",
    "dropquery",
    "margin",
    "entropy",
    "badge",
    "coreset",
    "typiclust",
    "probcover",
    "probcover:purity_of=members",
]
STARTS = {"kmeans": "centroids", "random": "at random"}
SHOWN = (2, 5, 10, 15, 20)
"""The cycles whose accuracy is shown."""


def main() -> None:
    """Run both backtests and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--embeddings", type=Path, required=True, help=".npz with ids, features, labels and classes")
    parser.add_argument("--batch", type=int, default=10, help="labels a cycle: the number of classes")
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench-methods"))
    options = parser.parse_args()
    print(
        f"`python -m tests.bench.methods.dropquery --embeddings {options.embeddings.name} --batch {options.batch} "
        f"--cycles {options.cycles} --seeds {options.seeds}`"
    )
    for start, name in STARTS.items():
        out = str((options.out / f"dropquery-{start}").absolute())
        plan = prepare(
            BacktestRequest(
                out=out,
                embeddings=str(options.embeddings),
                strategies=STRATEGIES,
                seeds=options.seeds,
                batch=options.batch,
                cycles=options.cycles,
                cold_start=start,
                recipe="dropquery",
            )
        )
        print(f"\n### First labels: {name}. Accuracy, %, ± half the 95 % interval over {options.seeds} seeds\n")
        print(leaderboard_table(run_backtest(out, plan, "")))


def leaderboard_table(found: Leaderboard) -> str:
    """Accuracy at some numbers of labels, and the mean sample-saving ratio with its bound and its censored share."""
    labels = found.plan.labels
    shown = [cycle - 1 for cycle in SHOWN if cycle <= len(labels)]
    rows = [_row(entry, shown) for entry in found.entries]
    return table(["strategy", *(str(labels[place]) for place in shown), "saved", "censored"], rows)


def _row(entry: LeaderboardEntry, shown: list[int]) -> list[str]:
    curve = entry.accuracy
    halves = curve.half_width or [0.0] * len(curve.mean)
    figures = [f"{percent(curve.mean[place])} ± {percent(halves[place])}" for place in shown]
    if entry.saved is None:
        return [entry.title, *figures, "", ""]
    saved = entry.saved
    return [entry.title, *figures, f"{saved.sign}{saved.ratio:.0%}", f"{saved.censored_share:.0%}"]


if __name__ == "__main__":
    main()
