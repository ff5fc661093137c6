"""DropQuery's study on features: first labels, diversity, other queries, unlabelled data, and its own M and ρ."""

from collections.abc import Sequence
from typing import Any

from tests.bench.methods.markdown import table
from tests.bench.methods.study.jobs import Job, Row, Rows, rows_of
from tests.bench.methods.study.measure import Data
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.verdicts import Checked, Claim, claims_table, interval, mean_of

CENTROIDS = {"cold_start.strategy": "kmeans"}

CLUSTERING_WORKS: Checked = {
    "diversity: margin, clustered > margin": "on EuroSAT BALD gains 4 points by the same clustering, so it works",
}
CHECKED: dict[str, Checked] = {
    "dropquery": CLUSTERING_WORKS,
    "dropquery, digits": {
        "main result: dropquery > (badge|probcover)": "cycle by cycle: 8 to 9 points ahead at 30 and 40 labels, "
        "1 to 4 behind from 120 on",
        "main result: dropquery > typiclust": "behind in all 19 cycles, by 1 to 5 points; ρ = 0.25 "
        "brings 3.2 points and makes them level",
    },
    "dropquery, caltech101": CLUSTERING_WORKS
    | {
        "diversity: (margin|entropy|confidence|bald), clustered > .*": "cycle by cycle: BALD, confidence and entropy "
        "gain up to 1.3, 2.9 and 2.5 points within 700 labels, margin 0.7; at the end all lose 0.7 to 3.6",
    },
}
"""By the table, what was checked of its claims."""


def _by(strategy: str, **parameters: Any) -> dict[str, Any]:
    """A strategy with its own parameters alone, without those that the recipe has for DropQuery."""
    return {"selector": {"strategy": strategy, "parameters": parameters}}


QUERIES: dict[str, dict[str, Any]] = {
    **{name: _by(name) for name in ("random", "dropquery", "badge", "coreset", "typiclust")},
    **{name: _by(name) for name in ("probcover", "powerbald", "alfamix")},
    "probcover, members": _by("probcover", purity_of="members"),
    **{
        name + (", clustered" if clustered else ""): _by(name, **({"cluster_features": True} if clustered else {}))
        for name in ("margin", "entropy", "confidence", "bald")
        for clustered in (False, True)
    },
}
"""By the head of DropQuery, which all rows share, begun at centroids."""

ABLATIONS: dict[str, dict[str, Any]] = {
    **{f"dropquery, M = {passes}": _by("dropquery", passes=passes) for passes in (1, 5, 10)},
    **{f"dropquery, ρ = {rate}": _by("dropquery", rate=rate) for rate in (0.25, 0.5, 0.9)},
}
OWN_PROPAGATED = {"trainer.unlabelled": "spread", "trainer.unlabelled_neighbours": 500}
PROPAGATED = {"trainer": {"name": "logistic", "unlabelled": "spread", "unlabelled_neighbours": 500}}
NOT_PROPAGATED = {"trainer": {"name": "logistic"}}


def dropquery_jobs(data: Data, sizes: Sizes, seeds: int) -> list[Job]:
    """Twenty cycles of as many labels as there are classes, on every set."""
    arms: dict[str, tuple[dict[str, Any], int]] = {name: (by | CENTROIDS, 0) for name, by in QUERIES.items()}
    for name in ("random", "dropquery", "margin", "badge"):
        arms[f"{name}, random start"] = (QUERIES[name] | {"cold_start.strategy": "random"}, 1)
        # heads with and without the pool, so that nothing else differs
        arms[f"{name}, propagation"] = (QUERIES[name] | CENTROIDS | OWN_PROPAGATED, 1)
        arms[f"{name}, logistic"] = (QUERIES[name] | CENTROIDS | NOT_PROPAGATED, 1)
        arms[f"{name}, logistic, propagation"] = (QUERIES[name] | CENTROIDS | PROPAGATED, 1)
    for name, by in ABLATIONS.items():
        arms[name] = (by | CENTROIDS, 2)
    size = {"pool": 4000, "cycles": 20}
    tables = [] if data.features is None else [("dropquery", arms, {**data.of_features, **size})]
    tables += [(f"dropquery, {found.name}", arms, {**found.made_of, "set": found.name, **size}) for found in data.sets]
    return [
        Job(table, arm, seed, "backtest", "dropquery", overrides, more, priority)
        for table, chosen, more in tables
        for seed in range(seeds)
        for arm, (overrides, priority) in chosen.items()
    ]


def mean_accuracy(row: Row) -> float | None:
    """Over the cycles."""
    points = row.figures["curve"]
    return float(sum(point[1] for point in points) / len(points)) if points else None


def first_accuracy(row: Row) -> float | None:
    """Of the model of the first labels."""
    points = row.figures["curve"]
    return float(points[0][1]) if points else None


def dropquery_claims() -> list[Claim]:
    """The study's four questions."""
    claims = [
        Claim("initial pool", name, f"{name}, random start", figure, words)
        for name in ("random", "dropquery", "margin", "badge")
        for figure, words in ((first_accuracy, "first accuracy"), (mean_accuracy, "mean accuracy"))
    ]
    for name in ("margin", "entropy", "confidence", "bald"):
        claims.append(Claim("diversity", f"{name}, clustered", name, mean_accuracy, "mean accuracy"))
    others = [name for name in QUERIES if name != "dropquery" and not name.endswith("clustered")]
    claims += [Claim("main result", "dropquery", name, mean_accuracy, "mean accuracy") for name in others]
    for name in ("random", "dropquery", "margin", "badge"):
        for head in (name, f"{name}, logistic"):
            claims.append(Claim("unlabelled data", f"{head}, propagation", head, first_accuracy, "first accuracy"))
    return claims


def dropquery_report(jobs: Sequence[Job], rows: Rows) -> str:
    """First and mean accuracy of every arm, then the claims; a table a set."""
    parts = []
    for name in dict.fromkeys(job.study for job in jobs):
        title = "" if name == "dropquery" else f"### {name}\n\n"
        parts.append(title + _report([job for job in jobs if job.study == name], rows))
    return "\n\n".join(parts)


def _report(jobs: Sequence[Job], rows: Rows) -> str:
    found = rows_of(jobs, rows)
    lines = []
    for arm, by_seed in found.items():
        ends = [row.figures["curve"][-1][1] for row in by_seed.values()]
        first, mean = mean_of(by_seed, first_accuracy), mean_of(by_seed, mean_accuracy)
        lines.append([arm, first, mean, interval(ends), len(by_seed)])
    headings = ["arm", "first accuracy, %", "mean accuracy, %", "at the end, %", "seeds"]
    checked = CHECKED.get(jobs[0].study, {}) if jobs else {}
    return f"{table(headings, lines)}\n\n{claims_table(dropquery_claims(), found, checked)}"
