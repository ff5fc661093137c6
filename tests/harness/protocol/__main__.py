"""`python -m tests.harness.protocol`: explore the model within larger bounds than the tests do; about ten minutes."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.harness.protocol.explore import explore
from tests.harness.protocol.world import Bounds

LARGE = (
    Bounds(runners=2, budget=2, batch=2, enough=1),
    Bounds(runners=2, budget=2, batch=1, results=2),
    Bounds(runners=2, budget=3, batch=1),
    Bounds(runners=3, budget=2, batch=1),
    Bounds(runners=3, budget=1, batch=1, results=2),
    Bounds(runners=2, budget=2, batch=2, enough=1, results=2),
    Bounds(runners=2, budget=3, batch=2, enough=1),
    Bounds(runners=1, budget=1, batch=1, amendments=2),
    Bounds(runners=1, budget=2, batch=2, enough=1, amendments=1),
    Bounds(runners=2, budget=1, batch=1, amendments=1),
    Bounds(runners=1, budget=3, batch=2, enough=1, rechecks=1),
    Bounds(runners=2, budget=2, batch=1, rechecks=1),
    Bounds(runners=1, budget=1, batch=1, amendments=1, withdrawals=1),
    Bounds(runners=1, budget=2, batch=2, enough=1, withdrawals=1),
    Bounds(runners=2, budget=1, batch=1, withdrawals=1),
)


def main() -> int:
    """Returns the exit code: 0, or 1 where an invariant is violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.protocol", description=main.__doc__)
    parser.add_argument("--most", type=int, default=1_500_000, help="states of one exploration, for lack of memory")
    parser.add_argument("--json", type=Path, help="a file for the counts")
    arguments = parser.parse_args()
    rows = []
    for bounds in LARGE:
        found = explore(bounds, most=arguments.most)
        words = ", ".join(f"{name} {value}" for name, value in bounds._asdict().items())
        print(
            f"{words}: {found.states} states, {found.transitions} transitions, {len(found.violations)} violations, "
            f"{'complete' if found.complete else 'not complete'}; {found.seconds:.0f} s",
            flush=True,
        )
        for violation in found.violations:
            print(f"  {violation.what}: {' → '.join(violation.way)}")
        rows.append({"bounds": bounds._asdict(), **asdict(found)})
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    violations = sum(len(row["violations"]) for row in rows)
    print(
        f"{sum(row['states'] for row in rows)} states, {sum(row['transitions'] for row in rows)} transitions, "
        f"{violations} violations"
    )
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main())
