"""`python -m tests.harness.faults`: campaigns on stores that fail, and a table of what was survived and what was lost.

Each trial is a campaign on frozen features whose stages run in this process, and are run again when they say so. It is
lost when it ends in another way, or differs in any committed byte from the campaign that nothing disturbed.
"""

import argparse
import contextlib
import functools
import io
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.conftest import write_embeddings
from tests.harness.clock_trials import clock_trial
from tests.harness.faulty_s3.proxy import FaultyS3, faulty_s3
from tests.harness.process_trials import process_trial
from tests.harness.storage_trials import (
    DISK_ERRORS,
    REFUSING_ERRORS,
    S3_FAULTS,
    Bed,
    Outcome,
    can_mount,
    disk_trial,
    full_disk_trial,
    make_bed,
    read_only_trial,
    s3_trial,
)

BUCKET = "trials"


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server with the bucket of the trials."""
    import boto3.session
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from tests.conftest import one_at_a_time

    class Quiet(MotoRequestHandler):
        def log(self, *arguments: object) -> None:
            """Nobody reads it."""

    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    boto3.session.Session().client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    yield url
    server.shutdown()
    thread.join()


def proxy_before_a_server(stack: ExitStack) -> FaultyS3:
    """A proxy, which the AWS settings of this process name from now on."""
    credentials = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(credentials | {"AWS_EC2_METADATA_DISABLED": "true"})
    proxy = stack.enter_context(faulty_s3(stack.enter_context(s3_server())))
    os.environ["AWS_ENDPOINT_URL"] = proxy.url
    return proxy


def all_trials(bed: Bed, proxy: FaultyS3, store: str) -> list[Callable[[int], Outcome]]:
    """One function a kind of fault of a kind of store: seed → outcome."""
    on_s3 = [functools.partial(s3_trial, bed, proxy, BUCKET, fault=fault) for fault in (None, *S3_FAULTS)]
    on_disk = [functools.partial(disk_trial, bed, number=number) for number in (*DISK_ERRORS, *REFUSING_ERRORS)]
    mounted = [functools.partial(full_disk_trial, bed), functools.partial(read_only_trial, bed)]
    in_folders = [*on_disk, *(mounted if can_mount(bed.folder) else []), functools.partial(clock_trial, bed)]
    return {"s3": on_s3, "folder": in_folders, "all": [*on_s3, *in_folders]}[store]


def table_of(outcomes: list[Outcome]) -> Table:
    """A row for each kind of fault."""
    table = Table("fault", "trials", "injected", "survived in place", "survived after running again", "lost")
    kinds = list(dict.fromkeys(outcome.fault for outcome in outcomes))
    for kind in [*kinds, ""]:
        mine = [outcome for outcome in outcomes if kind in ("", outcome.fault)]
        lost = sum(bool(outcome.lost) for outcome in mine)
        again = sum(not outcome.lost and outcome.failures > 0 for outcome in mine)
        counts = (len(mine), sum(outcome.injected for outcome in mine), len(mine) - lost - again, again, lost)
        table.add_row(kind or "all", *map(str, counts))
    return table


def main() -> int:
    """Run the trials, kind after kind, until there are as many as asked for; 1 when any is lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial; the others count on from it")
    parser.add_argument("--trials", type=int, default=200, help="campaigns in all")
    parser.add_argument(
        "--processes", type=int, default=0, help="campaigns by real processes beside them, a minute each"
    )
    parser.add_argument("--store", choices=["s3", "folder", "all"], default="all", help="which kinds of faults")
    parser.add_argument("--cycles", type=int, default=2, help="trained cycles of a campaign")
    parser.add_argument("--minutes", type=float, default=60, help="begin no trial after so many")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    console = Console(width=120)
    console.print(f"seed {options.seed}, {options.trials} trials in process, {options.processes} with processes")
    outcomes: list[Outcome] = []
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="labelcycle-faults-") as folder, ExitStack() as stack:
        bed = make_bed(Path(folder), write_embeddings(Path(folder) / "embeddings.npz"), options.cycles)
        proxy = proxy_before_a_server(stack)
        trials = all_trials(bed, proxy, options.store)
        slow = functools.partial(process_trial, bed, proxy, BUCKET)
        plan = [*(trials[number % len(trials)] for number in range(options.trials)), *[slow] * options.processes]
        for number, trial in enumerate(plan):
            if time.monotonic() > end:
                console.print(f"stopped after {options.minutes:g} minutes")
                break
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                outcome = trial(options.seed + number)
            outcomes.append(outcome)
            if sys.stderr.isatty():
                print(f"{number + 1} of {len(plan)}: {outcome.fault}", file=sys.stderr)
            if outcome.lost:
                what = f"{outcome.fault}, seed {outcome.seed}, {len(outcome.lost)} things"
                console.print(f"LOST: {what}: {'; '.join(outcome.lost[:5])}", markup=False)
    console.print(table_of(outcomes))
    return int(any(outcome.lost for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
