"""`python -m tests.harness.chaos`: kill campaigns, and count what is lost."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.harness.chaos.harness import Order, run_chaos
from tests.harness.chaos.report import losses, table, totals
from tests.harness.chaos.workloads import WORKLOADS

STORES = ("folder", "s3")


def main() -> int:
    """Returns the exit code: 0, or 1 where a campaign was lost or there were too few kills."""
    arguments = _arguments()
    stores = STORES if arguments.store == "both" else (arguments.store,)
    order = Order(
        kills=arguments.kills,
        seed=arguments.seed,
        seconds=arguments.seconds,
        stores=stores,
        workloads=tuple(arguments.campaigns),
        workers=arguments.workers,
        every_write=arguments.every_write,
    )
    wanted = "a kill at every write" if order.every_write else f"at least {order.kills} kills"
    print(f"seed {order.seed}: {wanted}, within {order.seconds:.0f} seconds", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labelcycle-chaos-", ignore_cleanup_errors=True) as scratch:
        outcomes = run_chaos(order, Path(scratch))
    seconds = time.monotonic() - began
    sums = totals(outcomes)
    print(table(outcomes))
    print(f"{sums['kills']} kills, {sums['lost']} campaigns lost, {sums['differing']} objects differ; {seconds:.0f} s")
    for line in losses(outcomes):
        print(line)
    for one in outcomes:
        print(*(f"not reached: {one.workload} on {one.store}, {point}\n" for point in one.missed), sep="", end="")
    short = seconds > order.seconds if order.every_write else sums["kills"] < order.kills
    if short:
        print(f"too few: the time of {order.seconds:.0f} seconds was over after {sums['kills']} kills")
    if arguments.json is not None:
        content = {"seed": order.seed, "wanted": order.kills, "wall_seconds": round(seconds, 1), **sums}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")
    return int(bool(sums["lost"]) or short)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.chaos", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many at least")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    parser.add_argument("--seconds", type=float, default=1800.0, help="after which no further trial begins")
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    names = [one.name for one in WORKLOADS]
    parser.add_argument("--campaigns", nargs="+", choices=names, default=names, help="which; by default all")
    parser.add_argument("--every-write", action="store_true", help="kill at every write, not at random")
    parser.add_argument("--workers", type=int, default=2, help="processes that make trials side by side")
    parser.add_argument("--json", type=Path, help="a file for the counts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
