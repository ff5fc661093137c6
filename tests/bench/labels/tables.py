"""The tables of `make bench-labels`, in Markdown, from a folder of results alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.cycle_metrics import Sign
from tests.bench.labels.data import SHOWN, WHOLE
from tests.bench.labels.figures import (
    Entry,
    ahead,
    area,
    paired,
    saved,
    saved_on_average,
    standard_error,
    wins,
    yardstick_of,
)
from tests.bench.labels.heads import SCIKIT_LEARN
from tests.bench.labels.methods import DEFAULT, LABELCYCLE
from tests.bench.methods.markdown import percent, points, table

Leaderboards = Mapping[str, Sequence[Entry]]

OURS = f"{LABELCYCLE} {DEFAULT}"


def default_of(entries: Sequence[Entry]) -> Entry | None:
    """The default recipe's row."""
    return next((entry for entry in entries if entry.method == OURS), None)


def peers_of(entries: Sequence[Entry]) -> list[Entry]:
    """Those that are not labelcycle's, best first."""
    return [entry for entry in entries if entry.by != LABELCYCLE]


def all_tables(found: Leaderboards) -> str:
    """Everything that is in `RESULTS.md`."""
    parts = [verdicts(found), areas(found), winning(found), saving(found)]
    parts += [accuracies(name, entries) for name, entries in found.items()]
    return "\n\n".join(parts)


def verdicts(found: Leaderboards) -> str:
    """For each set, where the default stands against the best peer: by area, and budget by budget."""
    rows = []
    for name, entries in found.items():
        ours = default_of(entries)
        if ours is None:
            continue
        for whose, peers in _by_head(peers_of(entries)).items():
            rank = 1 + sum(one.areas().mean() > ours.areas().mean() for one in peers)
            difference, error = ahead(ours, peers[0])
            behind = [f"{a_class} ({points(-by)})" for a_class, by in _behind(ours, peers).items()]
            lead = points(difference) + ("" if np.isnan(error) else f" ± {percent(error)}")
            rows.append([name, whose, f"{rank} of {1 + len(peers)}", peers[0].method, lead, ", ".join(behind) or "–"])
    headings = ["set", "peers' head", "the default's rank", "best peer by area", "ahead of it by"]
    return (
        "### Where the default stands\n\n"
        "By area, as below, in points ± the standard error of the difference of paired seeds. The last column has the "
        "labels a class at which the default is behind the best peer of that very budget by more than one standard "
        "error of the paired difference, and by how many points.\n\n"
        + table([*headings, "behind the best peer at"], rows)
    )


def _by_head(peers: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Peers with their users' head, and with any, where there are some; best first."""
    found = {SCIKIT_LEARN: [peer for peer in peers if peer.head == SCIKIT_LEARN], "any": list(peers)}
    return {whose: members for whose, members in found.items() if members}


def _behind(ours: Entry, peers: Sequence[Entry]) -> dict[int, float]:
    """By labels a class, by how much ours is behind the best peer where that is more than one standard error."""
    found = {}
    for a_class, column in ours.shown.items():
        able = [peer for peer in peers if peer.has(a_class)]
        if not able:
            continue
        best = max(able, key=lambda peer: peer.accuracy[:, peer.shown[a_class]].mean())
        labels, first, second = paired(best, ours)
        place = labels.index(ours.labels[column])
        difference = first[:, place] - second[:, place]
        if difference.mean() > np.nan_to_num(standard_error(difference)):
            found[a_class] = float(difference.mean())
    return found


def areas(found: Leaderboards) -> str:
    """Area of every method on every set, best on average first, with the standard error over seeds."""
    by_name: dict[str, dict[str, Entry]] = {}
    for name, entries in found.items():
        for entry in entries:
            by_name.setdefault(entry.name, {})[name] = entry
    counted = [name for name in found if not name.endswith(WHOLE)]
    complete = [name for name, rows in by_name.items() if rows.keys() >= set(counted)]
    means = {
        name: float(np.mean([by_name[name][data].areas().mean() for data in counted or found if data in by_name[name]]))
        for name in complete
    }
    ranked = sorted(by_name, key=lambda name: -means.get(name, 0))
    rows = []
    for name in ranked:
        cells = [_area(by_name[name].get(data), found[data]) for data in found]
        rows.append([name, *cells, percent(means[name]) if name in means else ""])
    return (
        "### Area under the curve\n\n"
        "Mean accuracy in % ± its standard error over seeds, on an axis where each doubling of labels counts the same. "
        "↓ marks a method that is below random picks with the same head. The mean is over sets, whole pools aside, of "
        "methods that were measured on all.\n\n" + table(["method", *found, "mean"], rows)
    )


def _area(entry: Entry | None, all_of_set: Sequence[Entry]) -> str:
    if entry is None:
        return ""
    yardstick = yardstick_of(entry, all_of_set)
    below = yardstick is not None and entry.areas().mean() < yardstick.areas().mean()
    return f"{_with_error(entry.areas())}{' ↓' if below else ''}"


def _with_error(values: npt.NDArray[np.floating]) -> str:
    """Mean ± standard error in %, the latter where there are several."""
    error = standard_error(values)
    return percent(float(values.mean())) + ("" if np.isnan(error) else f" ± {percent(error)}")


def winning(found: Leaderboards) -> str:
    """How often the default is more accurate than each other method, by set and over all pairs of seed and budget."""
    shares: dict[str, dict[str, tuple[float, int]]] = {}
    for data, entries in found.items():
        ours = default_of(entries)
        for other in entries:
            if ours is not None and other is not ours:
                pairs = len(set(ours.seeds) & set(other.seeds)) * len(ours.shown)
                shares.setdefault(other.name, {})[data] = (wins(ours, other), pairs)
    totals = {name: _weighted(list(cells.values())) for name, cells in shares.items()}
    rows = [
        [
            name,
            *(f"{shares[name][data][0]:.0%}" if data in shares[name] else "" for data in found),
            f"{totals[name]:.0%}",
        ]
        for name in sorted(totals, key=totals.__getitem__)
    ]
    return (
        "### How often the default is more accurate\n\n"
        "Share of the pairs of seed and budget of the tables below; a tie counts half. Hardest opponents first.\n\n"
        + table(["the default against", *found, "all"], rows)
    )


def starts(out: Path) -> str:
    """Area by way to begin, of every method with every head, as a mean over sets and seeds."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for file in sorted(out.glob("*/*.json")):
        result = json.loads(file.read_text())
        curve = area(np.log(result["labels"]), np.array([result["accuracy"]]))
        of_method = found.setdefault((result["method"].split(",")[0], result["head"]), {})
        of_method.setdefault(result["start"], []).append(float(curve[0]))
    ways = sorted({way for cells in found.values() for way in cells})
    rows = [
        [f"{method}, {head} head", *(percent(float(np.mean(cells[way]))) if way in cells else "" for way in ways)]
        for (method, head), cells in sorted(found.items())
    ]
    return table(["method", *ways], rows)


def _weighted(cells: Sequence[tuple[float, int]]) -> float:
    return sum(share * pairs for share, pairs in cells) / max(1, sum(pairs for _, pairs in cells))


def saving(found: Leaderboards) -> str:
    """How many labels the default saves at each budget, and how many random picks would need."""
    columns = sorted({a_class for entries in found.values() for one in entries for a_class in one.shown})
    rows = []
    for data, entries in found.items():
        ours = default_of(entries)
        yardstick = None if ours is None else yardstick_of(ours, entries)
        if ours is None or yardstick is None:
            continue
        at = saved(ours, yardstick)
        cells = [
            f"{at[a_class].sign}{at[a_class].equivalent_labels:.0f} for {at[a_class].labels} "
            f"({_signed(at[a_class].sign, at[a_class].ratio)})"
            if a_class in at
            else ""
            for a_class in columns
        ]
        rows.append([data, *cells])
    return (
        "### Labels that the default saves\n\n"
        "Labels that random picks with the same head need for the accuracy that the default has, and the share saved, "
        "by labels a class; ≥ where random picks never had that accuracy.\n\n"
        + table(["set", *map(str, columns)], rows)
    )


def _signed(sign: Sign, ratio: float) -> str:
    return f"{sign}{ratio:.0%}"


def accuracies(data: str, entries: Sequence[Entry]) -> str:
    """Accuracy of every method at the shown budgets of a set, best by area first."""
    first = entries[0]
    shown = [a_class for a_class in SHOWN if any(one.has(a_class) for one in entries)]
    rows = []
    for one in entries:
        yardstick = yardstick_of(one, entries)
        average = None if yardstick is None or yardstick is one else saved_on_average(one, yardstick)
        cells = [_with_error(one.accuracy[:, one.shown[a_class]]) if one.has(a_class) else "" for a_class in shown]
        share = "" if average is None else _signed(average.sign, average.ratio)
        rows.append([one.name, *cells, percent(one.plain_areas().mean()), share, f"{one.seconds:.1f}"])
    fewest, most = (bound(len(one.seeds) for one in entries) for bound in (min, max))
    seeds = ("1 seed" if most == 1 else f"{most} seeds") if fewest == most else f"{fewest} to {most} seeds"
    return (
        f"### {data}: accuracy by labels a class\n\n"
        f"{first.classes} classes, {first.pool:,} samples to choose from, {first.test:,} to test with, {seeds}. "
        "Accuracy in % ± its standard error. `plain area` counts each label the same. `saved` is the mean share of "
        "labels saved at these budgets against random picks with the same head. Seconds are of one core, for a "
        "campaign; those of methods that do not ask the head are of training alone with the head that came second.\n\n"
        + table(["method", *map(str, shown), "plain area", "saved", "s"], rows)
    )
