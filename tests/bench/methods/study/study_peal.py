"""PEAL's figures 1 and 3 and table 2: adapters against probes that have converged, queries, and class balance."""

from collections.abc import Sequence
from typing import Any

from tests.bench.methods.markdown import table
from tests.bench.methods.study.jobs import Job, Row, Rows, rows_of
from tests.bench.methods.study.measure import Data
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.verdicts import Checked, Claim, claims_table, interval, mean_of

PEAL_QUERIES = {
    "random": {"selector.strategy": "random", "selector.class_balanced": False},
    "entropy": {"selector.strategy": "entropy", "selector.class_balanced": False},
    "entropy balanced": {"selector.strategy": "entropy", "selector.class_balanced": True},
    "featdist": {"selector.strategy": "featdist", "selector.class_balanced": False},
    "featdist balanced": {"selector.strategy": "featdist", "selector.class_balanced": True},
}
PROBE = "linear probe, converged"
PROBES: dict[str, tuple[str, dict[str, Any]]] = {
    "PEAL": ("peal_entropy", {}),
    PROBE: ("linear_probe", {"trainer.epochs": 400, "schedule.warm_start": False}),
    "logistic": ("logistic", {"trainer.unlabelled": "none"}),
}
"""The drops of the learning rate are PEAL's alone; probes train until they have converged."""

CHECKED: Checked = {
    r"figure 3: PEAL, .* > PEAL, random": "its queries are the harder ones (unknown to known), so asked as meant",
    r"figure 3: PEAL, .* > logistic, .*": "logistic leads by 6.6 points at 50 labels, by a prior that the paper lacks",
    r"figure 2: .*": "probes trained for 400 epochs a cycle, in the place of 50",
    r"table 2: PEAL, entropy balanced .*": "the paper too finds less benefit for entropy than for featdist",
}


def peal_jobs(data: Data, sizes: Sizes, seeds: int) -> list[Job]:
    """Cycles of equally many labels; PEAL takes enough steps in each, however few batches the labels are."""
    if data.archive is None:
        return []
    more = {**data.of_images, "pool": sizes.pool, "test": sizes.test, "image_size": sizes.image_size}
    begin = {"budget": sizes.batch * sizes.cycles, "batch": sizes.batch}
    epochs = max(1, 2 * sizes.epochs // 3)
    shorter = {"PEAL": {"trainer.epochs": epochs, "trainer.min_steps": 6 * epochs}}
    return [
        Job(
            "peal",
            f"{trainer}, {query}",
            seed,
            "campaign",
            recipe,
            settings | shorter.get(trainer, {}) | by,
            {**more, "begin": begin},
            int(recipe == "logistic" or query.startswith("featdist")),
        )
        for seed in range(seeds)
        for trainer, (recipe, settings) in PROBES.items()
        for query, by in PEAL_QUERIES.items()
        if not (recipe == "logistic" and query.startswith("featdist"))
    ]


def mean_accuracy(row: Row) -> float | None:
    """Over the cycles."""
    points = row.figures["curve"]
    return sum(point[1] for point in points) / len(points) if points else None


def last_accuracy(row: Row) -> float | None:
    """Of the model of all labels."""
    points = row.figures["curve"]
    return float(points[-1][1]) if points else None


def peal_report(jobs: Sequence[Job], rows: Rows) -> str:
    """Accuracy by labels, how wrong queries were, and the share trained; then the claims."""
    found = rows_of(jobs, rows)
    lines = []
    for arm, by_seed in found.items():
        ends = [row.figures["curve"][-1][1] for row in by_seed.values()]
        ratios = [sum(row.figures["unknown"]) / max(1, sum(row.figures["known"])) for row in by_seed.values()]
        share = [row.figures["trainable_share"] for row in by_seed.values()]
        ratio = f"{sum(ratios) / len(ratios):.2f}" if ratios else ""
        trained = f"{share[0]:.3%}" if share else ""
        lines.append([arm, mean_of(by_seed, mean_accuracy), interval(ends), ratio, trained, len(by_seed)])
    claims = []
    for query in PEAL_QUERIES:
        for probe in (PROBE, *(["logistic"] if f"logistic, {query}" in found else [])):
            pair = (f"PEAL, {query}", f"{probe}, {query}")
            claims.append(Claim("figure 3", *pair, mean_accuracy))
            claims.append(Claim("figure 3", *pair, last_accuracy, "accuracy at the end"))
        if query != "random":
            claims.append(Claim("figure 3", f"PEAL, {query}", "PEAL, random", mean_accuracy))
            claims.append(Claim("figure 3", f"PEAL, {query}", "PEAL, random", last_accuracy, "accuracy at the end"))
    for query in ("entropy", "featdist"):
        claims.append(Claim("figure 2", f"{PROBE}, random", f"{PROBE}, {query}", mean_accuracy))
        claims.append(Claim("table 2", f"PEAL, {query} balanced", f"PEAL, {query}", mean_accuracy))
    headings = ["arm", "mean accuracy, %", "at the end, %", "unknown to known", "share trained", "seeds"]
    return f"{table(headings, lines)}\n\n{claims_table(claims, found, CHECKED)}"
