"""Create the buckets named on the command line, where they do not exist yet. Waits until the object store answers."""

import sys
import time

import boto3
from botocore.exceptions import EndpointConnectionError

PAUSE_SECONDS = 5


def main(names: list[str], attempts: int = 60) -> None:
    """Create the buckets.

    Args:
        names: the buckets.
        attempts: how often to ask a server that does not answer.

    Raises:
        EndpointConnectionError: there is still no answer.
        ClientError: the server refuses.
    """
    client = boto3.client("s3")
    for attempt in range(1, attempts + 1):
        try:
            existing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
            break
        except EndpointConnectionError:
            if attempt == attempts:
                raise
            time.sleep(PAUSE_SECONDS)
    for name in names:
        if name not in existing:
            client.create_bucket(Bucket=name)
        print(f"bucket {name}: {'exists' if name in existing else 'created'}")


if __name__ == "__main__":
    main(sys.argv[1:])
