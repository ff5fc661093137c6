"""`python -m tests.harness.races`: race, and count what is broken."""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.harness.races.harness import Order, run_races
from tests.harness.races.kinds import KINDS
from tests.harness.races.race import Raced

STORES = ("folder", "s3")


def main() -> int:
    """Returns the exit code: 0, or 1 where anything was broken or there were too few races."""
    arguments = _arguments()
    stores = STORES if arguments.store == "both" else (arguments.store,)
    order = Order(arguments.races, arguments.seed, arguments.seconds, stores, tuple(arguments.kinds))
    print(f"seed {order.seed}: {order.races} races within {order.seconds:.0f} seconds", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labelcycle-races-", ignore_cleanup_errors=True) as scratch:
        raced = run_races(order, Path(scratch))
    seconds = time.monotonic() - began
    violations = sum(len(one.violations) for one in raced)
    print(_table(raced))
    print(f"{len(raced)} races, {sum(one.runners for one in raced)} runners, {violations} violations; {seconds:.0f} s")
    for one in raced:
        for violation in one.violations:
            print(f"{one.kind} in {one.store}, seed {one.seed}: {violation}")
    if len(raced) < order.races:
        print(f"too few: {len(raced)} of {order.races} races within {order.seconds:.0f} seconds")
    if arguments.json is not None:
        content = {"seed": order.seed, "violations": violations, "races": [asdict(one) for one in raced]}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")
    return int(violations > 0 or len(raced) < order.races)


def _table(raced: list[Raced]) -> str:
    rows = [("kind", "store", "races", "runners", "violations", "seconds")]
    for kind, store in sorted({(one.kind, one.store) for one in raced}):
        these = [one for one in raced if (one.kind, one.store) == (kind, store)]
        sums = (len(these), sum(one.runners for one in these), sum(len(one.violations) for one in these))
        rows.append((kind, store, *map(str, sums), f"{sum(one.seconds for one in these):.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.races", description=main.__doc__)
    parser.add_argument("--races", type=int, default=36, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    parser.add_argument("--seconds", type=float, default=1800.0, help="after which no further race begins")
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    names = [kind.name for kind in KINDS]
    parser.add_argument("--kinds", nargs="+", choices=names, default=names, help="which; by default all")
    parser.add_argument("--json", type=Path, help="a file for the counts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
