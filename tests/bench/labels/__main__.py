"""`python -m tests.bench.labels`: measure what is not measured yet, and print the tables of all that is."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.labels import data, heads, jobs, methods, plot, tables
from tests.bench.labels.data import DIGITS, Data
from tests.bench.labels.figures import read_leaderboards

MARK, END = "<!-- bench-labels: written by the command above -->", "<!-- end of bench-labels -->"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.labels", description=__doc__)
    parser.add_argument(
        "--sets",
        nargs="*",
        default=[DIGITS],
        help="digits; NAME=FILE or FILE for features with labels, npz or Parquet; an empty FILE leaves the set out",
    )
    parser.add_argument("--seeds", type=int, default=5, help="to measure, and to show")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="campaigns at once")
    parser.add_argument("--by", choices=("labelcycle", "peers"), help="measure only these")
    parser.add_argument("--methods", default="", help="measure only strategies of these names, separated by commas")
    parser.add_argument("--heads", nargs="+", choices=heads.HEADS, default=list(heads.HEADS))
    parser.add_argument("--most", type=int, help="labels a class to stop after")
    parser.add_argument("--starts", action="store_true", help="compare the ways to begin, up to --most labels a class")
    parser.add_argument("--out", type=Path, default=Path("bench-labels"), help="folder of the results")
    parser.add_argument("--only-tables", action="store_true", help="measure nothing")
    parser.add_argument("--plot", type=Path, help="PNG to draw the curves into")
    parser.add_argument("--write", type=Path, help="Markdown file whose part between the marks the tables replace")
    given = parser.parse_args(arguments)
    compared = [method for method in methods.METHODS if _wanted(method, given.by, given.methods)]
    if given.starts:
        compared = [replace(method, start=start) for method in compared for start in methods.starts_of(method)]
    failed = 0
    if not given.only_tables:
        wanted = jobs.jobs_of(sets_of(given.sets), compared, given.seeds, given.heads, given.most)
        failed = jobs.run(wanted, given.out, given.cores)
    if given.starts:
        print(tables.starts(given.out))
        sys.exit(1 if failed else 0)
    found = read_leaderboards(given.out, given.seeds)
    if not found:
        raise SystemExit(f"{given.out} has no results. Measure first: leave --only-tables out, and name --sets.")
    text = tables.all_tables(found)
    print(text)
    if given.plot:
        plot.draw(found, given.plot)
    if given.write:
        _replace(given.write, text)
    sys.exit(1 if failed else 0)


def _wanted(method: methods.Method, by: str | None, names: str) -> bool:
    whose = by is None or (method.by == methods.LABELCYCLE) == (by == "labelcycle")
    return whose and (not names or method.name in names.split(","))


def sets_of(texts: Sequence[str]) -> list[Data]:
    """The sets that the command line names; one that is larger than the small pool comes a second time, whole.

    Raises:
        SystemExit: no such file.
    """
    found = []
    for text in texts:
        name, sign, path = text.partition("=")
        if text == DIGITS:
            found.append(Data(DIGITS, ""))
            continue
        if not sign:
            name, path = Path(text).stem, text
        if not path:
            continue
        if not Path(path).is_file():
            raise SystemExit(f"There is no file {path} for the set {name!r}. Name another, or none: --sets {name}=")
        found.append(Data(name, path))
        if data.size_of(found[-1])[0] > 2 * data.SMALL_POOL:
            found.append(Data(f"{name}{data.WHOLE}", path, whole=True))
    return found


def _replace(file: Path, text: str) -> None:
    """Put the tables between the marks."""
    content = file.read_text(encoding="utf-8")
    before, mark, rest = content.partition(MARK)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{file} has no part between {MARK} and {END}. Add both lines.")
    file.write_text(f"{before}{mark}\n\n{text}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
