"""What can go wrong with S3, in labelcycle's words, and which failures are worth another try of the whole call.

botocore asks again by itself where a request got no answer, or one that says that asking again helps (500, 503 and
the like). It does not where an answer's body breaks off or is damaged after it began, and where the server says that
what it got was damaged. `try_again` does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import boto3.exceptions
import botocore.exceptions
import botocore.parsers
import tenacity
import urllib3.exceptions

from labelcycle.components.core.errors import ConfigurationError, TransientError

WHOLE_TRIES = 4
"""How often a call is made whose answer breaks off, or is damaged, on the way."""

LONGEST_PAUSE_SECONDS = 5
"""Between two of these; pauses are random and grow."""

MISSING = {"404", "NoSuchKey", "NotFound"}
NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
REFUSED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
REGION = {"301", "400", "AuthorizationHeaderMalformed", "PermanentRedirect"}
"""A bare 400 is among them: a listing finds the right region by itself, and then cannot tell what was wrong."""

CLOCK = {"RequestTimeTooSkewed"}
UNABLE = {"501", "NotImplemented"}
DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody", "RequestTimeout"}
"""The server got other bytes than were sent, or fewer, and has stored nothing."""

UPLOAD_GONE = {"NoSuchUpload", "InvalidPart"}
"""An upload in parts that is over: its end was requested and the answer lost, or someone has cleared it away."""


class TornBody(Exception):
    """The body of an answer broke off, stood still, or is not what the server's checksum says."""


TORN = (
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.IncompleteReadError,
    botocore.exceptions.FlexibleChecksumError,
    urllib3.exceptions.HTTPError,
)
"""What reading the body of an answer raises, however it was torn."""

DAMAGED_ANSWER = (TornBody, botocore.exceptions.FlexibleChecksumError, botocore.parsers.ResponseParserError)

Result = TypeVar("Result")


def try_again(call: Callable[[], Result]) -> Result:
    """What `call` returns; it is called again, after a pause, where its answer or its content was damaged on the way.

    Args:
        call: may be repeated without harm.

    Raises:
        Exception: of the last of `WHOLE_TRIES` calls, or the first that another try would not mend.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_mends_by_repeating),
        stop=tenacity.stop_after_attempt(WHOLE_TRIES),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_SECONDS),
        reraise=True,
    )
    return retrying(call)


def read_body(answer: dict[str, Any]) -> bytes:
    """The whole body of the answer to a GET.

    Raises:
        TornBody: fewer bytes came than were promised, none for too long, or others than the server's checksum says.
    """
    try:
        body: bytes = answer["Body"].read()
        return body
    except TORN as error:
        raise TornBody(f"the answer was torn or damaged on the way ({error})") from error


def error_code(error: botocore.exceptions.ClientError) -> str:
    """The code in a server's answer, or its bare status where the answer has no words."""
    return str(error.response.get("Error", {}).get("Code", ""))


def was_repeated(error: botocore.exceptions.ClientError) -> bool:
    """Whether botocore has sent the request more than once, so that an earlier one may have done its work."""
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0


@contextmanager
def s3_errors(address: str) -> Iterator[None]:
    """Turn boto3's errors about `address` into ours, each with its remedy; a missing object is FileNotFoundError."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        code = error_code(error)
        if code in MISSING:
            raise FileNotFoundError(address) from error
        refusal = _refusal(address, error)
        if refusal is not None:
            raise ConfigurationError(refusal) from error
        raise TransientError(f"S3 failed on {address} ({code}): {error}. Run the same command again.") from error
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise ConfigurationError(
            f"No credentials for {address}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role."
        ) from error
    except botocore.exceptions.ParamValidationError as error:
        raise ConfigurationError(f"{address} is not a valid S3 address: {error}. Correct it.") from error
    except (*DAMAGED_ANSWER, boto3.exceptions.Boto3Error) as error:
        raise TransientError(
            f"S3 failed on {address}, again and again: {str(error).rstrip('. ')}. Check the network and the proxies "
            "on the way, then run the same command again."
        ) from error
    except (botocore.exceptions.BotoCoreError, urllib3.exceptions.HTTPError) as error:
        raise TransientError(
            f"Cannot reach S3 for {address}: {str(error).rstrip('. ')}. Check AWS_ENDPOINT_URL, run again."
        ) from error


@contextmanager
def local_disk_errors(address: str, folder: str) -> Iterator[None]:
    """Turn what this machine's own disk does to the copy of an object in `folder` into ours."""
    try:
        yield
    except botocore.exceptions.BotoCoreError:
        raise  # some of them are OSErrors too
    except OSError as error:
        raise TransientError(
            f"The copy of {address} in {folder} failed: {error.strerror or error}. Free space there, or name another "
            "folder with TMPDIR, then run again."
        ) from error


def _mends_by_repeating(error: BaseException) -> bool:
    if isinstance(error, botocore.exceptions.ClientError):
        return error_code(error) in DAMAGED | UPLOAD_GONE
    return isinstance(error, DAMAGED_ANSWER)


def _refusal(address: str, error: botocore.exceptions.ClientError) -> str | None:
    """What is wrong and what to do, for answers that trying again would not change; None for others."""
    code = error_code(error)
    if code in NO_BUCKET:
        return f"There is no bucket for {address}. Create it, or correct its name."
    if code in REFUSED:
        return f"S3 refused {address} ({code}). Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket policy."
    words = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".") or "it does not say why"
    if code in REGION:
        return f"S3 refused {address} ({code}): {words}. Set AWS_DEFAULT_REGION to the region of the bucket."
    if code in CLOCK:
        return f"S3 refused {address} ({code}): {words}. Set this machine's clock, then run again."
    if code in UNABLE:
        return (
            f"The server of {address} cannot do what it was asked ({code}): {words}. Put the campaign on a server that "
            "has conditional writes (If-None-Match) and multipart uploads."
        )
    return None
