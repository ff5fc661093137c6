"""An S3 server (moto) in a process of its own, which counts its requests and can answer as late as a distant one.

`python -m tests.bench.load.s3_server [SECONDS]` prints its address and serves until it is ended. moto answers one
request at a time, in 2 to 5 ms on an idle core: it is the bottleneck where
more than some hundred requests a second come. The seconds that each request is made to wait before that, in a thread of
its own, stand for the round trip.
"""

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.chaos.s3_server import CREDENTIALS, REPOSITORY, new_bucket, one_at_a_time

COUNT, LOAD = "/requests-so-far", "/load-a-folder"
BUCKET = "load"


@contextmanager
def counting_s3_server(round_trip: float) -> Iterator[dict[str, str]]:
    """Start one with a bucket, and end it. Gives the AWS settings that name it."""
    command = [sys.executable, "-m", "tests.bench.load.s3_server", str(round_trip)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http"), "the S3 server did not start"
            settings = {**CREDENTIALS, "AWS_ENDPOINT_URL": url}
            new_bucket(settings, BUCKET)
            yield settings
        finally:
            process.kill()


def requests_so_far(settings: dict[str, str]) -> int:
    """How many requests the server has answered."""
    with urllib.request.urlopen(settings["AWS_ENDPOINT_URL"] + COUNT, timeout=600) as answer:
        count: int = json.load(answer)
    return count


def load(settings: dict[str, str], folder: Path, prefix: str) -> None:
    """Let the server have every file below a folder as an object below a prefix, without a request for each."""
    question = urllib.parse.urlencode({"folder": folder, "prefix": prefix})
    urllib.request.urlopen(f"{settings['AWS_ENDPOINT_URL']}{LOAD}?{question}", data=b"", timeout=3600).close()


def _load(question: str) -> None:
    """moto's own storage takes an object in a tenth of a millisecond, a request thirty times as long."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    given = urllib.parse.parse_qs(question)
    folder, backend = Path(given["folder"][0]), s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for path in folder.rglob("*"):
        if path.is_file():
            backend.put_object(BUCKET, f"{given['prefix'][0]}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def counted(application: Callable[..., Iterable[bytes]], round_trip: float) -> Callable[..., Iterable[bytes]]:
    """The application, made to wait before each request, and to tell how many there were."""
    requests = 0

    def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        nonlocal requests
        if environment["PATH_INFO"] == COUNT:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [str(requests).encode()]
        if environment["PATH_INFO"] == LOAD:
            _load(environment["QUERY_STRING"])
            start_response("204 No Content", [])
            return []
        requests += 1
        time.sleep(round_trip)
        return application(environment, start_response)

    return answer


def serve(round_trip: float) -> None:
    """Print the address on a free port and serve."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    application = counted(one_at_a_time(DomainDispatcherApplication(create_backend_app)), round_trip)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
