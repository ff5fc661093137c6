"""ASVP's tables 1 to 4: queries by proxy with and without alignment, its parts, modes and positions, and their cost."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labelcycle.components.analysis.overall_cost import ANNOTATIONS, cost_to_reach
from labelcycle.components.analysis.savings import Curve, average_saving, rising, savings
from labelcycle.components.core.campaign.campaign import Prices
from tests.bench.methods.markdown import percent, table
from tests.bench.methods.study.jobs import Job, Row, Rows, rows_of
from tests.bench.methods.study.measure import Data
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.verdicts import Checked, Claim, Found, claims_table, mean_of

QUERIES = ("margin", "confidence", "coreset", "badge", "activeft")
FINALS = 3
"""Final models, trained from the labels of cycles at equal distances, the last among them."""
PROBED = 12
"""Epochs of fine-tuning for one of probing before it, as in the paper. A head that fits all labels has no gradient."""

CHECKED: Checked = {
    r"table 1: ASVP, \w+ > SVPp.*": "LogME recomputes nothing while labels are fewer than the 192 dimensions",
    r"table 3: training alone.*": "LogME recomputes nothing, so that LP-FT in the place of FT is all that differs",
    r"table 3: features alone.*": "LogME recomputes nothing, so that these are the cycles of SVPp",
    r"table 4: ASVP, margin, at 50 .*": "the proxy gains +2.5 points by them at 50 labels, and loses 1.3 at 150",
    r"table 4: ASVP, margin, at 75 .*": "the proxy gains 2 to 5 points by them from 75 labels on; the final models "
    "trained from what it asks for lose 5.2 and 2.7 at 100 and 150",
}


@dataclass(frozen=True)
class Cycles:
    """When labels are asked for: batches that grow, as the paper's 200 and 500 from 2,000 on, made smaller.

    Attributes:
        first: labels of a cycle, until there are `grow_at`; then twice as many.
        grow_at: labels.
        count: cycles.
    """

    first: int
    grow_at: int
    count: int

    @property
    def labels(self) -> list[int]:
        """Labels at the end of every cycle."""
        found: list[int] = []
        while len(found) < self.count:
            last = found[-1] if found else 0
            found.append(last + (self.first if last < self.grow_at else 2 * self.first))
        return found

    @property
    def finals(self) -> list[int]:
        """Cycles whose queries, once answered, final models are trained from; the first is number 0."""
        return sorted({math.ceil(self.count * number / FINALS) - 1 for number in range(1, FINALS + 1)})

    @property
    def positions(self) -> list[int]:
        """Labels at which features are made anew, wanted or not: early, and later (table 4)."""
        return sorted({self.labels[place] for place in (1, 3, self.count // 2, self.count - 2)})


def cycles_of(sizes: Sizes) -> Cycles:
    """Those of a study of this size."""
    first = sizes.batch // 2
    return Cycles(first, 4 * first, sizes.cycles)


def asvp_jobs(data: Data, sizes: Sizes, seeds: int) -> list[Job]:
    """Five queries by proxy, with and without alignment, its parts, modes and positions, and the yardsticks."""
    if data.archive is None:
        return []
    cycles = cycles_of(sizes)
    tuned = {
        "epochs": sizes.epochs,
        "min_steps": 10 * sizes.epochs,
        "learning_rate": 0.001,
        "head_learning_rate": 0.01,
        "batch_size": 32,
    }
    # the paper's probing rate, five times the head's; of the backbone's, its tenth was measured to be too little here
    probed = tuned | {"probe_learning_rate": 0.05, "learning_rate": 0.0003}
    probed["probe_epochs"] = max(1, round(sizes.epochs / PROBED))
    own = {f"trainer.{name}": value for name, value in tuned.items()}
    final = {f"final.trainer.{name}": value for name, value in tuned.items()}
    aligned = {f"alignment.trainer.{name}": value for name, value in tuned.items()}
    aligned |= {f"final.aligned.{name}": value for name, value in tuned.items()}
    lp_final = {f"final.trainer.{name}": value for name, value in probed.items()}
    always_ft = {"final.trainer": {"name": "ft", **tuned}}
    arms: dict[str, tuple[str, dict[str, Any], int]] = {
        "random, FT": ("standard_ft", own | {"selector.strategy": "random"}, 0),
        "standard FT": ("standard_ft", own, 0),
        "standard LP-FT": ("standard_lp_ft", {f"trainer.{name}": value for name, value in probed.items()}, 1),
    }
    for query in QUERIES:
        by, priority = _query(query), 0 if query == "margin" else 2
        arms[f"SVPp, {query}"] = ("svpp", final | by, priority)
        arms[f"ASVP, {query}"] = ("asvp", aligned | lp_final | by, priority)
        arms[f"features alone, {query}"] = ("asvp", aligned | always_ft | by, priority + 1)
        only = {"alignment.feature_alignment": False}
        arms[f"training alone, {query}"] = ("asvp", aligned | lp_final | only | by, priority + 1)
    for mode in ("relative", "holdout"):
        arms[f"ASVP, margin, {mode}"] = (
            "asvp",
            aligned | lp_final | {"alignment.mode": mode, "alignment.threshold": None},
            2,
        )
    for position in cycles.positions:
        arms[f"ASVP, margin, at {position}"] = ("asvp", aligned | lp_final | {"alignment.update_at": [position]}, 2)
    begin = {"budget": cycles.labels[-1], "batch": cycles.first}
    more = {**data.of_images, "pool": sizes.pool, "test": sizes.test, "image_size": sizes.image_size, "begin": begin}
    jobs = []
    for seed in range(seeds):
        for arm, (recipe, overrides, priority) in arms.items():
            growing = overrides | {"schedule.batches_from": [[cycles.grow_at, 2 * cycles.first]]}
            finals = {"finals": cycles.finals} if recipe in ("svpp", "asvp") else {}
            held_out = {"validation": 100} if arm.endswith("holdout") else {}
            jobs.append(Job("asvp", arm, seed, "campaign", recipe, growing, {**more, **finals, **held_out}, priority))
    return jobs


def _query(query: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"selector.strategy": query}
    return settings | ({"selector.parameters.mode": "al"} if query == "activeft" else {})


def curve_of(row: Row) -> Curve | None:
    """Of final models where there are any, else of the cycles' own."""
    points = row.figures.get("finals") or row.figures["curve"]
    return Curve([int(labels) for labels, _, _ in points], [accuracy for _, accuracy, _ in points]) if points else None


def with_savings(found: Found) -> dict[str, dict[int, Row]]:
    """The rows with `saving`, the mean sample-saving ratio against the random arm of the same seed, and `cost`."""
    made: dict[str, dict[int, Row]] = {}
    for arm, by_seed in found.items():
        made[arm] = {}
        for seed, row in by_seed.items():
            reference = found.get("random, FT", {}).get(seed)
            curve, random = curve_of(row), None if reference is None else curve_of(reference)
            figures = dict(row.figures)
            if curve is not None and random is not None:
                average = average_saving(savings(curve, random))
                figures |= {"saving": average.ratio, "censored": average.censored_share}
                points = row.figures.get("finals") or row.figures["curve"]
                cost = cost_to_reach(float(rising(random)[-1]), curve, [point[2] for point in points], PRICES)
                figures |= {"cost": cost.overall_cost, "cost_sign": cost.sign}
            made[arm][seed] = Row(row.digest, figures, row.cpu_seconds, row.wall_seconds, row.kind)
    return made


PRICES = Prices(label=0.01, annotators_per_label=ANNOTATIONS, cpu_hour=0.05)
"""Of an annotation, three of them a label, and of an hour of a processor core, in dollars."""


def saving(row: Row) -> float | None:
    """The mean sample-saving ratio."""
    value: float | None = row.figures.get("saving")
    return value


def last_accuracy(row: Row) -> float | None:
    """Of the final model of all labels, or of the last cycle's where no final model is trained."""
    curve = curve_of(row)
    return None if curve is None else float(curve.accuracy[-1])


def cheaper(row: Row) -> float | None:
    """The overall cost with its sign turned; None where the accuracy was never reached, so that it is a bound."""
    return None if row.figures.get("cost") is None or row.figures["cost_sign"] == "≥" else -row.figures["cost"]


def asvp_claims(arms: Iterable[str]) -> list[Claim]:
    """Tables 1 to 4, and the appendix's for other queries."""
    claims = []
    for query in QUERIES:
        pairs = [
            ("table 1", "ASVP", "SVPp"),
            ("table 3", "features alone", "SVPp"),
            ("table 3", "training alone", "SVPp"),
        ]
        for source, better, worse in pairs:
            for figure, words in ((saving, "saving ratio"), (last_accuracy, "accuracy at the end")):
                claims.append(Claim(source, f"{better}, {query}", f"{worse}, {query}", figure, words))
    claims.append(Claim("table 1", "ASVP, margin", "random, FT", cheaper, "overall cost saved, $ × 100"))
    forced = [arm for arm in arms if arm.startswith("ASVP, margin, at ")]
    claims += [Claim("table 4", arm, "SVPp, margin", saving, "saving ratio") for arm in forced]
    return claims


def asvp_report(jobs: Sequence[Job], rows: Rows) -> str:
    """Savings, overall cost, seconds and where features were recomputed, then the claims."""
    found = with_savings(rows_of(jobs, rows))
    lines = []
    for arm, by_seed in found.items():
        costs = [
            f"{row.figures['cost_sign']}{row.figures['cost']:.2f}" for row in by_seed.values() if "cost" in row.figures
        ]
        censored = [row.figures.get("censored") for row in by_seed.values()]
        updates = ", ".join(str(row.figures["updates"]) for row in by_seed.values() if row.figures.get("updates"))
        seconds = [(row.figures.get("finals") or row.figures["curve"])[-1][2] for row in by_seed.values()]
        mean = f"{sum(seconds) / len(seconds):.0f}" if seconds else ""
        bound = percent(sum(censored) / len(censored), 0) if censored and None not in censored else ""  # type: ignore[arg-type]
        ends = mean_of(by_seed, last_accuracy)
        lines.append([arm, ends, mean_of(by_seed, saving), bound, ", ".join(costs), mean, updates, len(by_seed)])
    headings = [
        "method",
        "accuracy at the end, %",
        "mean saving ratio, %",
        "censored, %",
        "overall cost, $",
        "core seconds",
        "updated at",
        "seeds",
    ]
    return f"{table(headings, lines)}\n\n{claims_table(asvp_claims(found), found, CHECKED)}"
