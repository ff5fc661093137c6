"""`python -m tests.cluster.s3_server PORT KEY_ID`: an S3 server that knows one key, for pods and tests alike.

It keeps everything in memory. Conditional writes are one step, as on S3. Requests with another key are refused as S3
refuses them; whether the secret of the key is right it does not see.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.conftest import one_at_a_time

REFUSED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you '
    b"provided does not exist in our records.</Message></Error>"
)


def known_alone(application: Callable[..., Iterable[bytes]], key: str) -> Callable[..., Iterable[bytes]]:
    """The application, for requests that are signed with this key."""

    def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if f"Credential={key}/" in environment.get("HTTP_AUTHORIZATION", ""):
            return application(environment, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(REFUSED)))])
        return [REFUSED]

    return answer


if __name__ == "__main__":
    served = known_alone(one_at_a_time(DomainDispatcherApplication(create_backend_app)), sys.argv[2])
    make_server(
        "127.0.0.1", int(sys.argv[1]), served, threaded=True, request_handler=MotoRequestHandler
    ).serve_forever()
