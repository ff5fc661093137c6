"""An S3 server in a process of its own, which keeps everything in memory and has conditional writes.

`python -m tests.harness.chaos.s3_server` prints its address and serves until its standard input ends.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
}


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Start one, and end it. Gives the AWS settings that name it."""
    command = [sys.executable, "-m", "tests.harness.chaos.s3_server"]
    quiet = subprocess.DEVNULL
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, stderr=quiet, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http"), "the S3 server did not start"
            yield {**CREDENTIALS, "AWS_ENDPOINT_URL": url}
        finally:
            process.kill()


def new_bucket(settings: dict[str, str], name: str) -> None:
    """Make a bucket, without a client library, since those take their time."""
    _ask(settings, "PUT", f"/{name}")


def forget_everything(settings: dict[str, str]) -> None:
    """Remove all buckets and objects, so that memory stays bounded."""
    _ask(settings, "POST", "/moto-api/reset")


def _ask(settings: dict[str, str], method: str, path: str) -> None:
    import urllib.request

    authorization = "AWS4-HMAC-SHA256 Credential=testing/20200101/us-east-1/s3/aws4_request"
    request = urllib.request.Request(
        settings["AWS_ENDPOINT_URL"] + path, method=method, headers={"Authorization": authorization}, data=b""
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """moto's conditional put looks and then writes; a lock makes the two one step, as they are on S3.

    What came torn, because its sender was killed, is dropped, as S3 does; moto would keep what came.
    """
    import io

    lock = threading.Lock()

    def answer(environment: dict[str, Any], start_response: Any) -> list[bytes]:
        length = int(environment.get("CONTENT_LENGTH") or 0)
        body = environment["wsgi.input"].read(length) if length else b""
        if len(body) < length:
            start_response("400 IncompleteBody", [])
            return [b""]
        if length:
            environment["wsgi.input"] = io.BytesIO(body)
        with lock:
            return list(application(environment, start_response))

    return answer


def serve() -> None:
    """Print the address on a free port and serve."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.serve_forever()


def _end_with_parent() -> None:
    """Nobody writes to standard input; it ends when the process that has its other end does."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve()
