"""Fuzz the readers of outside bytes by coverage: `python -m tests.harness.fuzz --executions 10000`.

Each target has a process of its own with bounded memory. The table says what came of it; the exit code is 1 if any
input broke the rule. Such inputs are kept in files: lay them into `crashes/<target>/`, and every test run
reads them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.harness.fuzz.catalogue import TARGETS
from tests.harness.fuzz.crash_files import keep
from tests.harness.fuzz.tally import Tally

MOST_STARTS = 5
HEADINGS = ("target", "executions", "accepted", "seconds", "crashes", "slowest input", "peak memory", "bound")
WIDTHS = (22, 11, 9, 8, 8, 20, 12, 9)


def fuzz(name: str, executions: int, seed: int, seconds: int, crashes: Path) -> Tally:
    """Fuzz one target in a process of its own, which is started anew where an input has ended it."""
    with tempfile.TemporaryDirectory(prefix="labelcycle-fuzz-") as scratch:
        folder = Path(scratch)
        for start in range(MOST_STARTS):
            command = [sys.executable, "-m", "tests.harness.fuzz.child", name]
            command += ["--executions", str(executions), "--seed", str(seed + start), "--seconds", str(seconds)]
            command += ["--folder", str(folder), "--crashes", str(crashes)]
            environment = os.environ | {"TMPDIR": scratch}
            ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            tally, last = Tally.load(folder / "tally.json"), folder / "last"
            if ended.returncode == 0 and not last.exists():
                break
            if not last.exists():
                raise SystemExit(ended.stderr[-4000:])
            path = keep(crashes, name, last.read_bytes())
            last.unlink()
            tally.crashes[f"process ended with {ended.returncode}, start {start}"] = str(path)
            tally.save(folder / "tally.json")
        return Tally.load(folder / "tally.json")


def main() -> int:
    """Fuzz as the arguments say, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.fuzz", description=__doc__)
    parser.add_argument("--executions", type=int, default=10_000, help="inputs a target (10000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=30, help="that one input may take (30)")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="one of all; may be repeated")
    parser.add_argument("--crashes", type=Path, default=Path(".fuzz"), help="where inputs that break the rule are kept")
    settings = parser.parse_args()
    print(_line(HEADINGS), flush=True)
    found: dict[str, str] = {}
    for name in settings.target or TARGETS:
        begun = time.monotonic()
        tally = fuzz(name, settings.executions, settings.seed, settings.seconds, settings.crashes.absolute())
        found |= {f"{name}: {what}": path for what, path in tally.crashes.items()}
        cells = (
            name,
            f"{tally.executions:,}",
            f"{tally.accepted:,}",
            f"{time.monotonic() - begun:.0f}",
            str(len(tally.crashes)),
            f"{tally.slowest:.2f} s, {tally.slowest_bytes:,} B",
            f"{tally.peak_memory // 2**20:,} MiB",
            f"{TARGETS[name].megabytes:,} MiB",
        )
        print(_line(cells), flush=True)
    for what, path in found.items():
        print(f"{what}\n  {path}")
    return 1 if found else 0


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
