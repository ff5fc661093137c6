"""Run every recipe under one circumstance after another, and say what differs.

`python -m tests.harness.reproducible` takes an hour or more on two cores; `--courses` and `--circumstances` choose.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.harness.chaos.s3_server import s3_server
from tests.harness.reproducible.campaigns import COURSES, course
from tests.harness.reproducible.circumstances import CIRCUMSTANCES, REFERENCE, circumstances
from tests.harness.reproducible.data import SMALL, Sizes
from tests.harness.reproducible.outcome import Difference, compare
from tests.harness.reproducible.report import row, summary, table, violations
from tests.harness.reproducible.runs import Bench


def main() -> int:
    """Returns the exit code: 0, or 1 where something differs that must not."""
    arguments = _arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labelcycle-reproducible-", ignore_cleanup_errors=True) as scratch:
        differences = run(Path(arguments.keep or scratch), arguments.courses, arguments.circumstances, arguments.small)
    print(table(differences))
    print(f"{summary(differences)}; {time.monotonic() - began:.0f} s")
    for line in violations(differences):
        print(line)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(one) for one in differences], indent=2) + "\n")
    return int(bool(violations(differences)))


def run(scratch: Path, courses: list[str], names: list[str], small: bool) -> list[Difference]:
    """The difference of each course under each of the circumstances from the same course under the reference's."""
    bench = Bench(scratch)
    bench.prepare(SMALL if small else Sizes(), texts=any(one.startswith("vecaf") for one in courses))
    differences = []
    with s3_server() as s3:
        os.environ |= s3
        reference = bench.run(REFERENCE, courses)
        print(f"{REFERENCE.name}: {reference.threads} {reference.seconds}", flush=True)
        for name in names:
            one = circumstances(name)
            ran = bench.run(one, courses, s3)
            print(f"{name}: {ran.threads} {ran.seconds}", flush=True)
            for each in courses:
                difference = Difference(each, name, one.promise(course(each).on))
                differences.append(compare(ran.outcome(each), reference.outcome(each), difference))
                print(row(differences[-1]), flush=True)
    return differences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.reproducible", description=main.__doc__)
    every, cases = [one.name for one in COURSES], [one.name for one in CIRCUMSTANCES]
    parser.add_argument("--courses", nargs="+", choices=every, default=every, help="which; by default all")
    parser.add_argument("--circumstances", nargs="+", choices=cases, default=cases, help="which; by default all")
    parser.add_argument("--small", action="store_true", help="few images")
    parser.add_argument("--keep", type=Path, help="an empty folder for the campaigns, which are then kept")
    parser.add_argument("--json", type=Path, help="a file for what was found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
