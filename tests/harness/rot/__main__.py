"""`python -m tests.harness.rot`: damage objects of a campaign, and count what comes of it."""

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.harness.rot.trials import Trial, attempt, prepare

OUTCOMES = ("named", "refused", "unused", "believed", "crashed")


def main() -> int:
    """Run the trials and print a table. Returns 1 where anything was believed, crashed or overlooked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write every trial to this file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="labelcycle-rot-") as folder:
        scene = prepare(Path(folder))
        for number in range(arguments.trials):
            trials.append(attempt(scene, Path(folder) / "trial", arguments.seed + number))
            if trials[-1].is_violation:
                print(f"seed {arguments.seed + number}: {trials[-1]}", flush=True)
    print(f"seeds {arguments.seed} to {arguments.seed + arguments.trials - 1}")
    print(f"{'object':<12}{'trials':>8}{'verified':>10}{'overlooked':>12}", *(f"{name:>10}" for name in OUTCOMES))
    for kind in [*sorted({trial.kind for trial in trials}), None]:
        of_kind = [trial for trial in trials if kind in (None, trial.kind)]
        counts = Counter(trial.outcome for trial in of_kind)
        seen = Counter(trial.verified for trial in of_kind)
        row = f"{kind or 'all':<12}{len(of_kind):>8}{seen[True]:>10}{seen[False]:>12}"
        print(row, *(f"{counts[name]:>10}" for name in OUTCOMES))
    violations = sum(trial.is_violation for trial in trials)
    print(f"violations: {violations}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(trial) for trial in trials], indent=1))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
