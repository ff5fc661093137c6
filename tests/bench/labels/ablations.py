"""`python -m tests.bench.labels.ablations`: the default method with one thing changed at a time, and a table of areas.

Every variant begins with the same k-means centroids, then asks for the labels that `make bench-labels` asks for, up to
`--most` a class. Results are kept one file each, so a bench that is cut short continues where it stopped.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from labelcycle.components.core.digests import digest_of_json
from tests.bench.labels.__main__ import sets_of
from tests.bench.labels.ablation_variants import CANDIDATES, TARGETS, VARIANTS, Floats, Known, Rows, Variant
from tests.bench.labels.data import DIGITS, Data, budgets, history_of
from tests.bench.labels.figures import area, standard_error
from tests.bench.labels.methods import METHODS, begin
from tests.bench.methods.markdown import points, table


def campaign(data: Data, variant: Variant, seed: int, most: int) -> tuple[list[int], list[float]]:
    """Labels and test accuracy after each query."""
    history = history_of(data, seed)
    count = len(history.classes)
    wanted = budgets(count, len(history.pool), most)
    pool, test = variant.space(history.pool.features.astype(np.float32), history.test.features.astype(np.float32))
    random = np.random.default_rng(seed)
    if variant.start:
        rows = variant.start(history.pool, wanted[0], seed)
    else:
        rows = begin(METHODS[0], history, seed)(0, np.zeros(len(pool), np.bool_), None, wanted[0])
    accuracy = []
    for now, budget in enumerate(wanted):
        known = Known(pool, rows, history.pool.classes[rows], count, random)
        head = variant.fit(known)
        accuracy.append(float((head.logits(test).argmax(axis=1) == history.test.classes).mean()))
        if budget == wanted[-1]:
            break
        more = wanted[now + 1] - budget
        for part in range(variant.rounds):
            size = (part + 1) * more // variant.rounds - part * more // variant.rounds
            if part:
                guessed = head.logits(pool[known.rows]).argmax(axis=1)
                guessed[: len(rows)] = history.pool.classes[rows]
                known = Known(pool, known.rows, guessed, count, random)
                head = variant.fit(known)
            picked = query(known, variant.uncertain(known, head), variant, size)
            known = Known(pool, np.concatenate([known.rows, picked]), known.classes, count, random)
        rows = known.rows
    return wanted, accuracy


def query(known: Known, uncertain: Floats, variant: Variant, size: int) -> Rows:
    """UHerding in plain numpy: greedy uncertainty-weighted coverage of sampled targets by the most uncertain."""
    unlabelled = np.setdiff1d(np.arange(len(known.pool)), known.rows)
    targets = known.random.permutation(unlabelled)[: max(TARGETS, 2 * size)]
    among = unlabelled[np.argsort(-uncertain[unlabelled], kind="stable")[: max(CANDIDATES, 2 * size)]]
    labelled = known.pool[known.rows]
    apart = squared(labelled, labelled)
    np.fill_diagonal(apart, np.inf)
    width = variant.width(np.sqrt(apart.min(axis=1))) or 1.0
    kernel = variant.kernel(squared(known.pool[among], known.pool[targets]), width)
    covered = variant.kernel(squared(known.pool[targets], labelled), width).max(axis=1)
    picks: list[int] = []
    gains = np.maximum(kernel - covered, 0) @ uncertain[targets]
    while len(picks) < size:
        best = int(gains.argmax())
        fresh = float(np.maximum(kernel[best] - covered, 0) @ uncertain[targets])
        if fresh < gains[best] * (1 - 1e-5):
            gains[best] = fresh
            continue
        picks.append(best)
        gains[best] = -1
        np.maximum(covered, kernel[best], out=covered)
    return among[picks]


def squared(some: Floats, others: Floats) -> Floats:
    """Squared distances, (n, d), (m, d) → (n, m)."""
    found: Floats = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.maximum(found, 0, out=found)


def measure(data: Data, name: str, seed: int, most: int, out: Path) -> None:
    """Keep one variant's curve for one seed."""
    with threadpool_limits(1):
        labels, accuracy = campaign(data, VARIANTS[name], seed, most)
    file = file_of(data, name, seed, most, out)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"labels": labels, "accuracy": accuracy}))
    partial.replace(file)


def file_of(data: Data, name: str, seed: int, most: int, out: Path) -> Path:
    """Where the result is."""
    return out / "ablations" / f"{data.name}-{data.digest()[:8]}-{most}" / f"{digest_of_json(name)[:8]}-{seed}.json"


def areas(sets: Sequence[Data], names: Sequence[str], seeds: int, most: int, out: Path) -> str:
    """The table: area of the first variant, and by how much that of each other differs, in points."""
    rows = []
    found = {
        (data.name, name): np.array([_area(file_of(data, name, seed, most, out)) for seed in range(seeds)])
        for data in sets
        for name in names
    }
    first = names[0]
    for name in names:
        cells = []
        for data in sets:
            base, here = found[data.name, first], found[data.name, name]
            error = standard_error(here - base)
            cells.append(
                f"{here.mean():.4f}" if name == first else f"{points((here - base).mean())} ± {100 * error:.1f}"
            )
        rows.append([name, *cells])
    return table(["variant", *(data.name for data in sets)], rows)


def _area(file: Path) -> float:
    result = json.loads(file.read_text())
    return float(area(np.log(result["labels"]), np.array([result["accuracy"]]))[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.labels.ablations", description=__doc__)
    parser.add_argument("--sets", nargs="*", default=[DIGITS], help="as in python -m tests.bench.labels")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=20, help="labels a class to stop after")
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, help="only these, compared with the first of all")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="campaigns at once")
    parser.add_argument("--out", type=Path, default=Path("bench-labels"), help="folder of the results")
    given = parser.parse_args(arguments)
    sets = [data for data in sets_of(given.sets) if not data.whole]
    first, *others = VARIANTS
    names = [first, *(name for name in others if not given.variants or name in given.variants)]
    missing = [
        (data, name, seed)
        for seed in range(given.seeds)
        for data in sets
        for name in names
        if not file_of(data, name, seed, given.most, given.out).is_file()
    ]
    with ProcessPoolExecutor(given.cores, get_context("spawn")) as executor:
        running = {executor.submit(measure, *job, given.most, given.out): job for job in missing}
        for number, future in enumerate(as_completed(running), 1):
            future.result()
            data, name, seed = running[future]
            print(f"{number}/{len(missing)} {data.name}, {name}, seed {seed}", file=sys.stderr, flush=True)
    print(areas(sets, names, given.seeds, given.most, given.out))


if __name__ == "__main__":
    main()
