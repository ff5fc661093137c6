"""The process that `measure` starts: reads the pool, prepares and warms up, does the work, prints what it measured."""

import json
import os
import sys
from pathlib import Path

from tests.bench.select.data import Pool, read_pool
from tests.bench.select.measure import Choose, Job, time_here
from tests.bench.select.ours import OURS, prepare_ours

WARM_UP_ROWS, WARM_UP_BUDGET = 600, 5
"""A tiny query first, so that imports and the start of numerical libraries are not taken for work."""


def main() -> None:
    """Do the job that the first argument holds as JSON."""
    job = Job(**json.loads(sys.argv[1]))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.cores])
    pool = read_pool(Path(job.folder), job.on_disk)
    prepared(job, pool.beginning(WARM_UP_ROWS, WARM_UP_BUDGET))()
    print(json.dumps(time_here(prepared(job, pool), job.repeat)))


def prepared(job: Job, pool: Pool) -> Choose:
    """Everything but the work itself."""
    if job.by == OURS:
        return prepare_ours(job.strategy, pool, parameters=job.parameters)
    from tests.bench.select.peers import PEERS

    return PEERS[job.strategy][job.by](pool)


if __name__ == "__main__":
    main()
