"""Ours next to every peer that does the same work: one thread, features in memory."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.select.data import Setting, read_pool, write_pool
from tests.bench.select.measure import Job, Measurement, label, measure
from tests.bench.select.options import Options
from tests.bench.select.ours import OURS, served
from tests.bench.select.peers import PEERS, REMARKS
from tests.bench.select.quality import QUALITY
from tests.bench.select.report import Sheet, mark, mebibytes, seconds, write_line

HEADINGS = (
    *("strategy", "our CPU s", "peer", "its CPU s", "ratio"),
    *("MiB: ours, peer", "quality: ours, peer", "target", "met"),
)
SETTING = Setting(rows=20_000, width=384, classes=20, labelled=500, budget=200)
LARGE_RATIO, LIBRARY = 20, "scikit-activeml"
LARGE = {"badge", "probcover", "typiclust"}
"""Here we want to be so many times faster than that library; elsewhere faster than the fastest correct peer."""

LIKE_PEERS = {"maxherding": ("targets", "candidates")}
"""What peers do on the whole pool is measured a second time with these parameters at its size."""

MOST_SECONDS = {"uherding": 2, "bait": 5}
"""Most CPU seconds of strategies that no peer has."""

LEVEL = {"kmeans": 0.95}
"""Here it is enough to be level with the fastest peer."""


def compare(options: Options) -> None:
    """Measure and print the table."""
    setting = options.scaled(SETTING)
    size = f"N = {setting.rows}, d = {setting.width}, C = {setting.classes}, L = {setting.labelled}, "
    size += f"B = {setting.budget}, {setting.dtype}"
    sheet = Sheet(f"Against peers: {size}, one thread, features in memory", HEADINGS)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = write_pool(Path(scratch) / str(setting.rows), setting, scored=True)
        strategies = options.chosen(served(read_pool(folder)))
        where: dict[str, Any] = {"folder": str(folder), "cores": 1, "limit": options.limit}
        for strategy in strategies:
            peers = {name: _measured(Job(strategy, name, **where), options) for name in PEERS.get(strategy, {})}
            for parameters in _ways(strategy, setting):
                ours = _measured(Job(strategy, OURS, **where, parameters=parameters), options)
                _compare_one(sheet, ours, peers, setting)
    sheet.remarks.append(
        "MiB: peak of resident memory above what was there before the query; the target is at most that of the "
        f"features, {mebibytes(setting.feature_bytes)}. Picks that are not what the method defines are marked !."
    )
    sheet.remarks.extend(f"{name}: {REMARKS[name]}" for name in strategies if name in REMARKS)
    sheet.show(options.markdown)


def _ways(strategy: str, setting: Setting) -> list[dict[str, float]]:
    """The parameters that ours is measured with."""
    return [{}, dict.fromkeys(LIKE_PEERS[strategy], setting.rows)] if strategy in LIKE_PEERS else [{}]


def _measured(job: Job, options: Options) -> Measurement:
    result = measure(job)
    write_line(options.json, "peers", result)
    return result


def _compare_one(sheet: Sheet, ours: Measurement, peers: dict[str, Measurement], setting: Setting) -> None:
    """The rows of ours next to each peer."""
    strategy = ours.job.strategy
    title = label(ours.job)
    if ours.failure:
        sheet.add(title, ours.failure, *[""] * 7)
        return
    qualities, correct = _judged(ours, peers)
    own, own_memory = seconds(ours.cpu), mebibytes(ours.extra_bytes)
    modest = mark(ours.extra_bytes <= setting.feature_bytes)
    if not peers:
        most = MOST_SECONDS.get(strategy)
        target = ("memory", modest) if most is None else (f"≤ {most} s, memory", f"{mark(ours.cpu <= most)} {modest}")
        sheet.add(title, own, "none known", "", "", own_memory, "", *target)
    fastest = min((name for name in peers if correct[name]), key=lambda name: peers[name].cpu, default="")
    for name, peer in peers.items():
        if peer.failure:
            sheet.add(title, own, name, peer.failure, "", own_memory, "", "", "")
            continue
        ratio, wanted = peer.cpu / ours.cpu, _wanted(strategy, name, fastest)
        memories = f"{own_memory}, {mebibytes(peer.extra_bytes)}"
        target = (f"≥ {wanted:g}×, memory", f"{mark(ratio >= wanted)} {modest}") if wanted else ("", "")
        sheet.add(title, own, name, seconds(peer.cpu), f"{ratio:.3g}×", memories, qualities[name], *target)


def _wanted(strategy: str, peer: str, fastest: str) -> float:
    """The ratio that is aimed at; 0 for none."""
    if strategy in LARGE and peer == LIBRARY:
        return LARGE_RATIO
    return LEVEL.get(strategy, 1) if peer == fastest else 0


def _judged(ours: Measurement, peers: dict[str, Measurement]) -> tuple[dict[str, str], dict[str, bool]]:
    """Of each query how good it is next to ours, as text, and whether it is correct."""
    results = {OURS: ours} | peers
    quality, pool = QUALITY.get(ours.job.strategy), read_pool(Path(ours.job.folder))
    done = {name: np.array(result.rows) for name, result in results.items() if not result.failure}
    for rows in done.values():
        assert len(np.unique(rows)) == pool.setting.budget and rows.max() < pool.setting.rows
    if quality is None:
        return dict.fromkeys(results, ""), {name: name in done for name in results}
    values = {name: quality.of(pool, rows) for name, rows in done.items()}
    correct = {name: name in values and quality.accepts(values[name], list(values.values())) for name in results}
    shown = {name: f"{value:.3g}{'' if correct[name] else ' !'}" for name, value in values.items()}
    return {name: f"{quality.name} {shown[OURS]}, {text}" for name, text in shown.items()}, correct
