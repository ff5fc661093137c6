"""A process that runs campaigns from beginning to end, under the circumstances it was started in.

`python -m tests.harness.reproducible.worker ORDER`, where ORDER is a JSON file: the courses, the roots' parent, the
folder of the data, the shards, the threads that every numerical library is to have, the cores, and whether to draw
reports, which take half of the time.
"""

import json
import os
import sys
import time
from pathlib import Path

from tests.harness.chaos.operator import run_cycle
from tests.harness.reproducible.campaigns import Course, course
from tests.harness.reproducible.data import Data


def run_course(one: Course, root: str, data: Data, shards: int) -> None:
    """A whole campaign in this process: init, its cycles, and the final model where the course has one."""
    from labelcycle.pipelines.initialise.begin import begin_campaign

    begin_campaign(root, one.request(data))
    while (decision := run_cycle(root, shards)) not in ("wait", "done"):
        pass
    if decision == "wait":
        raise RuntimeError(f"campaign {one.name!r} waits for labels, but all are there")
    if one.finalize:
        run_cycle(root, shards, finalize=True)


def have_threads(threads: int, pretend: bool) -> dict[str, int]:
    """Give torch and the libraries behind numpy this many threads, even more than there are cores.

    OpenBLAS caps the number that the environment asks for at the number of cores; this call does not.

    Args:
        threads: how many.
        pretend: let the product count as many cores, and so work on as many batches and blocks at once.

    Returns:
        How many each library has.
    """
    import numpy  # noqa: F401  (brings the library that is asked for threads)
    import torch
    from threadpoolctl import threadpool_info, threadpool_limits

    threadpool_limits(threads)
    if pretend and threads > len(os.sched_getaffinity(0)):
        os.sched_getaffinity = lambda pid: set(range(threads))  # type: ignore[assignment,misc]
    libraries = {one["internal_api"]: int(one["num_threads"]) for one in threadpool_info()}
    return {**libraries, "torch": torch.get_num_threads()}


def draw_nothing() -> None:
    """Leave pictures and reports out of the commits."""
    from labelcycle.components.publish import stage

    stage._draw = lambda *_: {}


def main() -> int:
    """Run what the order says; a line of JSON for each campaign goes to standard output."""
    order = json.loads(Path(sys.argv[1]).read_text())
    if order["cores"] is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cores"]])
    print(json.dumps({"threads": have_threads(order["threads"], order["cores"] is None)}), flush=True)
    if not order["reports"]:
        draw_nothing()
    for number, name in enumerate(order["courses"]):
        began = time.monotonic()
        run_course(course(name), f"{order['roots']}/{number}", Data(Path(order["data"])), order["shards"])
        print(json.dumps({"course": name, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
