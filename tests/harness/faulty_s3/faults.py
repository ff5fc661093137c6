"""The faults that a proxy puts between a client and its S3 server, and the plans that say which request gets which."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qs, urlsplit


class Fault(Enum):
    """What may happen to a request."""

    ERROR_500 = "500 InternalError"
    ERROR_503 = "503 SlowDown"
    NO_ANSWER = "no answer"
    RESET_BEFORE = "reset before the request is done"
    RESET_WITHIN = "reset within the request's body"
    LOST_ANSWER = "done, but the answer is lost"
    TORN_ANSWER = "answer's body torn"
    DAMAGED_REQUEST = "request's body damaged"
    DAMAGED_ANSWER = "answer's body damaged"
    TRICKLE = "answer trickles"
    WRONG_CLOCK = "RequestTimeTooSkewed"


ANYWHERE = (Fault.ERROR_500, Fault.ERROR_503, Fault.NO_ANSWER, Fault.RESET_BEFORE)
SENDING = (*ANYWHERE, Fault.RESET_WITHIN, Fault.LOST_ANSWER, Fault.DAMAGED_REQUEST)
TELLING = (*ANYWHERE, Fault.LOST_ANSWER)
POSSIBLE: dict[str, tuple[Fault, ...]] = {
    "GetObject": (*ANYWHERE, Fault.TORN_ANSWER, Fault.DAMAGED_ANSWER, Fault.TRICKLE),
    "ListObjects": (*ANYWHERE, Fault.TORN_ANSWER, Fault.TRICKLE),
    "HeadObject": ANYWHERE,
    "PutObject": SENDING,
    "PutObject if absent": SENDING,
    "UploadPart": SENDING,
    "CreateMultipartUpload": TELLING,
    "CompleteMultipartUpload": TELLING,
    "AbortMultipartUpload": TELLING,
}
"""Which faults a kind of request can have; kinds that are not here are left alone."""


def operation(method: str, path: str, headers: Mapping[str, str]) -> str:
    """The S3 operation of a path-style request."""
    parts = urlsplit(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    below_bucket = parts.path.strip("/").partition("/")[2]
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        names = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return names.get(method, f"{method} upload")
    if method == "PUT" and below_bucket:
        return "PutObject if absent" if headers.get("If-None-Match") else "PutObject"
    if method == "GET":
        return "GetObject" if below_bucket else "ListObjects"
    return "HeadObject" if method == "HEAD" and below_bucket else f"{method} {'object' if below_bucket else 'bucket'}"


class Plan(Protocol):
    """Says what happens to each request."""

    def fault(self, operation: str, path: str) -> Fault | None:
        """What happens to the next request of this kind to this address; None for nothing."""
        ...


class Seeded:
    """A share of all requests fails. Which ones depends on the seed, the address and how often it was asked.

    It does not depend on the order of requests to different addresses, which threads change.

    Args:
        seed: of the choice.
        share: of all requests that can have one of the faults.
        kinds: the faults to choose from.
        most: faults after which all goes well.
    """

    def __init__(self, seed: int, share: float, kinds: Sequence[Fault] = tuple(Fault), most: int | None = None) -> None:
        self._seed, self._share, self._kinds, self._left = seed, share, kinds, most
        self._asked: Counter[tuple[str, str]] = Counter()

    def fault(self, operation: str, path: str) -> Fault | None:
        """See `Plan`."""
        address = urlsplit(path).path
        self._asked[operation, address] += 1
        chance = random.Random(f"{self._seed}/{operation}/{address}/{self._asked[operation, address]}")
        kinds = [kind for kind in POSSIBLE.get(operation, ()) if kind in self._kinds]
        if not kinds or self._left == 0 or chance.random() >= self._share:
            return None
        if self._left is not None:
            self._left -= 1
        return chance.choice(kinds)


class Scripted:
    """Requests of a kind get the faults that are written down for it, one after another; None lets one pass."""

    def __init__(self, script: Mapping[str, Sequence[Fault | None]]) -> None:
        self._script = {kind: list(faults) for kind, faults in script.items()}

    def fault(self, operation: str, path: str) -> Fault | None:
        """See `Plan`."""
        faults = self._script.get(operation)
        return faults.pop(0) if faults else None
