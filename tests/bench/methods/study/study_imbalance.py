"""DropQuery's open question, classes of very different sizes: macro F1 of every strategy on long-tailed features."""

from collections.abc import Sequence
from typing import Any

from labelcycle.pipelines.backtest.prepare import RECIPE
from tests.bench.long_tails import BATCH, BUDGET, HEAD, RATIOS, TEST
from tests.bench.methods.markdown import table
from tests.bench.methods.study.jobs import Job, Row, Rows, rows_of
from tests.bench.methods.study.measure import Data
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.verdicts import Claim, claims_table, interval, mean_of

BALANCED = {"trainer.class_weight": "balanced"}
OTHERS = (
    *("random", "margin", "entropy", "confidence", "bald", "powerbald", "badge", "bait", "alfamix", "featdist"),
    *("coreset", "typiclust", "probcover", "activeft", "maxherding", "dropquery", "refine", "tcm"),
    *("learnloss", "tavaal"),
)
"""Strategies beside the default recipe's that ask for samples without knowing any label of them."""

ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    **{name: {"selector.strategy": name} for name in OTHERS},
    "random, class weights": {"selector.strategy": "random"} | BALANCED,
    "class weights": BALANCED,
    "class weights, class-balanced": BALANCED | {"selector.class_balanced": True},
    "rare classes": {"selector.rare_classes": 0.5},
    "class weights, rare classes": BALANCED | {"selector.rare_classes": 0.5},
}
"""The default recipe but for these; all begin at its centroids, but for random picks."""

SLOW = ("learnloss", "tavaal")
"""They train a network of their own in each query."""


def imbalance_jobs(data: Data, sizes: Sizes, seeds: int) -> list[Job]:
    """Ten queries of 50 from pools whose largest class is 10 and 50 times the smallest."""
    if data.features is None:
        return []
    size = {"head": HEAD, "test": TEST, "budget": BUDGET, "batch": BATCH}
    return [
        Job(
            "imbalance",
            f"{arm}, 1:{ratio}",
            seed,
            "long tail",
            RECIPE,
            overrides,
            {"features": data.of_features["features"], "ratio": ratio, **size},
            int(arm in SLOW),
        )
        for seed in range(seeds)
        for ratio in RATIOS
        for arm, overrides in ARMS.items()
    ]


def mean_f1(row: Row) -> float | None:
    """Macro F1 over the cycles."""
    points = row.figures["macro_f1"]
    return float(sum(points) / len(points)) if points else None


def last_f1(row: Row) -> float | None:
    """Macro F1 at the end."""
    points = row.figures["macro_f1"]
    return float(points[-1]) if points else None


def imbalance_claims() -> list[Claim]:
    """The study asks how strategies fare, and claims nothing."""
    claims = []
    for ratio in RATIOS:
        pairs = [("default", name) for name in OTHERS] + [("dropquery", "random")]
        pairs += [("class weights", "default"), ("random, class weights", "random"), ("rare classes", "default")]
        pairs += [(f"class weights, {more}", "class weights") for more in ("class-balanced", "rare classes")]
        for better, worse in pairs:
            names = f"{better}, 1:{ratio}", f"{worse}, 1:{ratio}"
            claims.append(Claim("open question", *names, mean_f1, "mean macro F1", stated=False))
    return claims


def imbalance_report(jobs: Sequence[Job], rows: Rows) -> str:
    """Macro F1 and labels of the rarest classes of every arm, then the comparisons."""
    found = rows_of(jobs, rows)
    lines = []
    for arm, by_seed in found.items():
        counts = [[row.figures[name][-1] for row in by_seed.values()] for name in ("rarest", "three_rarest")]
        shown = [f"{sum(values) / len(values):.1f}" if values else "" for values in counts]
        lines.append([arm, mean_of(by_seed, mean_f1), interval([last_f1(row) for row in by_seed.values()])])
        lines[-1] += [*shown, str(len(by_seed))]
    headings = ["arm", "mean macro F1, %", "at the end, %", "of the rarest class", "of the three rarest", "seeds"]
    claims = [claim for claim in imbalance_claims() if {claim.better, claim.worse} <= found.keys()]
    return table(headings, lines) + (f"\n\n{claims_table(claims, found)}" if claims else "")
