"""What a paper says of two arms, and whether the rows say the same."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from tests.bench.methods.markdown import points, table
from tests.bench.methods.study.jobs import Row

Figure = Callable[[Row], float | None]
NOT_COMPARABLE = "not comparable"
Found = Mapping[str, Mapping[int, Row]]
"""Rows by arm and seed."""

Checked = Mapping[str, str]
"""What was checked where a claim is contradicted, by regular expressions over `source: better > worse`."""

NOTHING_CHECKED: Checked = {}


@dataclass(frozen=True)
class Claim:
    """That one arm has a larger figure than another.

    Attributes:
        source: where the paper says so, such as `table 6`.
        better, worse: names of arms.
        figure: what is compared, larger is better; None of a row that has none.
        words: what the figure is called.
        stated: whether the paper says so; False where it leaves the question open, and there is no direction to match.
    """

    source: str
    better: str
    worse: str
    figure: Figure
    words: str = "accuracy"
    stated: bool = True


@dataclass(frozen=True)
class Verdict:
    """What the rows say of a claim.

    Attributes:
        direction: `same` or `other` as the mean over seeds has it, `equal` where it is 0; `not comparable` where an arm
            has no row, or where the paper says nothing.
        difference: better less worse, the mean over the seeds that both have.
        half_width: of its 95 % interval by Student's t; None with one seed.
        seeds: how many both have.
    """

    direction: str
    difference: float | None = None
    half_width: float | None = None
    seeds: int = 0

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return None not in (self.difference, self.half_width) and abs(self.difference) > self.half_width  # type: ignore[arg-type, operator]


def verdict_on(claim: Claim, found: Found) -> Verdict:
    """Compare two arms, paired by seed."""
    pairs = []
    for seed in sorted(found.get(claim.better, {}).keys() & found.get(claim.worse, {}).keys()):
        values = [claim.figure(found[arm][seed]) for arm in (claim.better, claim.worse)]
        if None not in values:
            pairs.append(values[0] - values[1])  # type: ignore[operator]
    if not pairs:
        return Verdict(NOT_COMPARABLE)
    mean, half = mean_and_half_width(pairs)
    direction = "same" if mean > 0 else "other" if mean < 0 else "equal"
    return Verdict(direction if claim.stated else NOT_COMPARABLE, mean, half, len(pairs))


def mean_and_half_width(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and half its 95 % interval by Student's t; None of one value."""
    if len(values) < 2:
        return float(np.mean(values)), None
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(t.ppf(0.975, len(values) - 1) * error)


def with_interval(values: Sequence[float], digits: int = 1) -> str:
    """A mean in percent with its interval, and how many seeds where it has none."""
    if not values:
        return ""
    mean, half = mean_and_half_width(values)
    return f"{100 * mean:.{digits}f}" + (f" ± {100 * half:.{digits}f}" if half is not None else " (one seed)")


def claims_table(claims: Sequence[Claim], found: Found, checked: Checked = NOTHING_CHECKED) -> str:
    """Each claim of the paper beside what the rows say, with the 95 % interval of the paired difference.

    Claims of arms that are not among those of `found` are left out. Where the rows say `other` or `equal`, the last
    column has what was checked; without such a row there is no such column.
    """
    rows, notes = [], []
    for claim in (claim for claim in claims if {claim.better, claim.worse} <= found.keys()):
        verdict = verdict_on(claim, found)
        notes.append(_note(claim, verdict, checked))
        if verdict.difference is None:
            rows.append([_words(claim), claim.source, claim.words, verdict.direction, "", ""])
            continue
        interval = "" if verdict.half_width is None else f" ± {100 * verdict.half_width:.1f}"
        direction = verdict.direction + ("" if verdict.decided or not verdict.difference else ", not decided")
        difference = points(verdict.difference) + interval
        rows.append([_words(claim), claim.source, claim.words, direction, difference, verdict.seeds])
    headings = ["the paper says", "where", "of", "here", "difference, points", "seeds"]
    if any(notes):
        return table([*headings, "what was checked"], [[*row, note] for row, note in zip(rows, notes, strict=True)])
    return table(headings, rows)


def _note(claim: Claim, verdict: Verdict, checked: Checked) -> str:
    """What was checked of a claim that the rows do not confirm; empty for others."""
    if verdict.direction not in ("other", "equal"):
        return ""
    found = [note for pattern, note in checked.items() if re.fullmatch(pattern, f"{claim.source}: {_words(claim)}")]
    return "; ".join(found) or "nothing yet"


def _words(claim: Claim) -> str:
    return f"{claim.better} {'>' if claim.stated else 'less'} {claim.worse}"


def interval(values: Sequence[float | None]) -> str:
    """The mean of what is there, with its interval."""
    return with_interval([value for value in values if value is not None])


def mean_of(by_seed: dict[int, Row], figure: Callable[[Row], float | None]) -> str:
    """The same of a figure of the rows of an arm."""
    return interval([figure(row) for row in by_seed.values()])
