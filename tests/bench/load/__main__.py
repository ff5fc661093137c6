"""`python -m tests.bench.load`: what init, status, ingest and select take at a million rows, and all at many cycles.

Each step is a process of its own. Features are random numbers: how long steps take does not depend on what they hold.
The history is written by the product's own functions, without training a thousand times: see `history`. There is no
measurement with a list of a million images, since init reads and decodes every image; `make bench-cycle` measures that.

Limits. The S3 server is moto, in Python, in memory, on the same machine, and answers one request at a time: requests
are counted exactly, and seconds are an upper bound of what a real server needs with as many cores beside it. With
`--round-trip` each request waits as it would for a distant server. Seconds are of one run each; memory is the peak of
the process alone.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.load.large_pool import Size, measure_large_pool
from tests.bench.load.long_history import measure_long_history, write_long_history
from tests.bench.load.measured import Bench, Step, as_json, as_table
from tests.bench.load.s3_server import BUCKET, counting_s3_server


def main() -> None:
    """Measure, print a table, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the pool; 0 leaves the large pool out")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--labels", type=int, default=100_000)
    parser.add_argument("--cycles", type=int, nargs="*", default=[1000], help="lengths of the histories; none for none")
    parser.add_argument("--store", choices=("folder", "s3", "both"), default="both")
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds before each answer of the S3 server")
    parser.add_argument("--out", type=Path, default=Path("load.json"))
    given = parser.parse_args()
    steps: list[Step] = []
    facts: dict[str, Any] = {"settings": {name: str(value) for name, value in vars(given).items()}, "stored": {}}
    with tempfile.TemporaryDirectory() as folder:
        scratch, histories = Path(folder), []
        for store in ("folder", "s3") if given.store == "both" else (given.store,):
            with ExitStack() as stack:
                on_s3 = store == "s3"
                settings = stack.enter_context(counting_s3_server(given.round_trip)) if on_s3 else {}
                bench = Bench(store, f"s3://{BUCKET}" if on_s3 else str(scratch / "store"), scratch, settings, steps)
                try:
                    if given.rows:
                        measure_large_pool(bench, Size(given.rows, given.width, given.labels))
                    histories = histories or [write_long_history(bench, cycles) for cycles in given.cycles]
                    for written in histories:
                        facts["stored"][f"{written.cycles:,} cycles"] = written.sizes
                        measure_long_history(bench, written)
                finally:
                    given.out.write_text(as_json(steps, facts))
    print(f"`python -m tests.bench.load {' '.join(sys.argv[1:])}`\n")
    print(as_table(steps))
    for name, sizes in facts["stored"].items():
        print(f"\n{name}: {', '.join(f'{kind} {size:,}' for kind, size in sizes.items())} bytes")


if __name__ == "__main__":
    main()
