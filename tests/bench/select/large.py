"""A million samples: time and memory on two cores, growth from a tenth of them, and how near to what memory can do."""

import math
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from labelcycle.components.select import STRATEGIES
from tests.bench.select.data import Setting, read_pool, write_pool
from tests.bench.select.measure import Job, Measurement, label, measure
from tests.bench.select.memory_rate import copy_rate
from tests.bench.select.options import Options
from tests.bench.select.ours import OURS, served
from tests.bench.select.report import Sheet, mark, mebibytes, seconds, write_line

SETTING = Setting(rows=1_000_000, width=384, classes=100, labelled=1000, budget=1000, dtype="float16")
TENTH = 10
SECONDS = {
    "margin": 10,
    "entropy": 10,
    "dropquery": 300,
    "badge": 600,
    "coreset": 600,
    "kmeans": 900,
    "typiclust": 900,
    "activeft": 900,
    "maxherding": 300,
    "refine": 300,
    "uherding": 300,
}
"""Most seconds of wall time for the whole pool."""

TENTH_SECONDS = {"probcover": 600}
"""Likewise for a tenth of it, up to which ProbCover is exact."""

MOST_BYTES = 6 * 10**9
MOST_EXPONENT = 1.1
NOT_LINEAR = {"probcover"}
UNLIKE_WORK = {"alfamix": {"epsilon": 1.0}}
"""ALFA-Mix clusters the samples whose prediction flips. By default these are a few a pick in the smaller pool, where
k-means soon ends; it is measured a second time with a parameter that leaves many at both sizes."""

BY_PASSES = ("badge", "coreset")


def measure_large(options: Options, parts: Collection[str]) -> None:
    """Measure what the parts need, once, and print their tables."""
    setting = options.scaled(SETTING)
    small = replace(setting, rows=setting.rows // TENTH)
    of_whole = BY_PASSES if set(parts) == {"limit"} else STRATEGIES
    of_tenth = STRATEGIES if "growth" in parts else TENTH_SECONDS if "million" in parts else ()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        whole = _measure_all(Path(folder), setting, options, of_whole)
        tenth = _measure_all(Path(folder), small, options, of_tenth)
    if "million" in parts:
        _times(setting, whole, tenth, options)
    if "growth" in parts:
        _growth(setting, whole, tenth, options)
    if "limit" in parts:
        _limit(setting, whole, options)


def _measure_all(
    folder: Path, setting: Setting, options: Options, strategies: Collection[str]
) -> dict[str, Measurement]:
    """These strategies on one pool on disk; probabilities from the head are part of the work."""
    pool = write_pool(folder / str(setting.rows), setting, scored=False)
    results = {}
    for name in options.chosen(name for name in served(read_pool(pool, on_disk=True)) if name in strategies):
        for parameters in ({}, UNLIKE_WORK[name]) if name in UNLIKE_WORK else ({},):
            job = Job(name, OURS, str(pool), options.cores, options.limit, on_disk=True, parameters=parameters)
            results[label(job)] = measure(job)
            write_line(options.json, "large", results[label(job)])
    return results


def _about(setting: Setting, options: Options) -> str:
    size = f"d = {setting.width} {setting.dtype} on disk, C = {setting.classes}, B = {setting.budget}"
    return f"{size}, L = {setting.labelled}, {options.cores} cores"


def _times(setting: Setting, whole: dict[str, Measurement], tenth: dict[str, Measurement], options: Options) -> None:
    headings = ("strategy", "N", "wall s", "CPU s", "peak MiB", "target", "met")
    sheet = Sheet(f"Large pools: {_about(setting, options)}", headings)
    for rows, results, targets in (
        (setting.rows, whole, SECONDS),
        (setting.rows // TENTH, {name: tenth[name] for name in tenth if name in TENTH_SECONDS}, TENTH_SECONDS),
    ):
        for name, result in results.items():
            if result.failure:
                sheet.add(name, str(rows), result.failure, "", "", "", mark(False))
                continue
            target = targets.get(name)
            met = (target is None or result.wall <= target) and result.peak_bytes < MOST_BYTES
            text = "< 6 GB" if target is None else f"≤ {target} s, < 6 GB"
            times = (seconds(result.wall), seconds(result.cpu))
            sheet.add(name, str(rows), *times, mebibytes(result.peak_bytes), text, mark(met))
            sheet.remarks.extend(result.notes)
    sheet.remarks.append("Peak memory is that of the process, interpreter and mapped features included.")
    sheet.show(options.markdown)


def _growth(setting: Setting, whole: dict[str, Measurement], tenth: dict[str, Measurement], options: Options) -> None:
    small = setting.rows // TENTH
    headings = ("strategy", f"{small} wall s", f"{setting.rows} wall s", "exponent", "target", "met")
    sheet = Sheet(f"Growth: {_about(setting, options)}", headings)
    for name, result in whole.items():
        if result.failure or tenth[name].failure:
            sheet.add(name, tenth[name].failure, result.failure, "", "", mark(False))
            continue
        exponent = math.log(result.wall / tenth[name].wall, TENTH)
        times = (seconds(tenth[name].wall), seconds(result.wall))
        linear = name not in NOT_LINEAR
        target = (f"≤ {MOST_EXPONENT}", mark(exponent <= MOST_EXPONENT)) if linear else ("", "")
        sheet.add(name, *times, f"{exponent:.2f}", *target)
    sheet.remarks.extend(
        f"{name}: by default k-means has few candidates a cluster in the smaller pool and takes fewer iterations; with "
        "the parameter in brackets it has many at both sizes."
        for name in UNLIKE_WORK
        if name in whole
    )
    sheet.show(options.markdown)


def _limit(setting: Setting, whole: dict[str, Measurement], options: Options) -> None:
    rate = copy_rate(options.cores)
    moved = setting.budget * setting.feature_bytes
    headings = ("strategy", "bytes of a pass a pick", "wall s", "GB/s", "copy GB/s", "share of the copy")
    sheet = Sheet(f"Against the limit: {_about(setting, options)}", headings)
    for name in BY_PASSES:
        result = whole.get(name)
        if result is not None and not result.failure:
            ours = moved / result.wall
            cells = (f"{moved / 1e9:.0f} GB", seconds(result.wall), f"{ours / 1e9:.1f}", f"{rate / 1e9:.1f}")
            sheet.add(name, *cells, f"{ours / rate:.0%}")
    sheet.remarks.append(
        "The plain algorithm reads all features once a pick, at best at the rate of a copy. Ours can be above 100 %, "
        "because one pass of matrix products serves dozens of picks."
    )
    sheet.show(options.markdown)
