"""What an IAM policy allows: as much of IAM as our policy uses, and an error for what it does not.

Sources: the AWS documents "Policy evaluation logic" and "Actions, resources, and condition keys for Amazon S3".
"""

import fnmatch
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObjects": "s3:DeleteObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
"""The right that each S3 operation needs; operations that neither campaigns nor pruning ask for are not among them."""


@dataclass(frozen=True)
class Call:
    """One request to S3: an operation on a key, or on the keys of a bucket that begin with a prefix."""

    operation: str
    bucket: str
    key: str | None = None
    prefix: str = ""

    @property
    def action(self) -> str:
        return ACTIONS[self.operation]

    @property
    def resource(self) -> str:
        """The Amazon resource name of what it is about."""
        return f"arn:aws:s3:::{self.bucket}" + ("" if self.key is None else f"/{self.key}")


def calls_of(operation: str, params: dict[str, Any]) -> list[Call]:
    """What S3 asks rights for in a request: one for each key that it deletes, else one."""
    bucket, prefix = params["Bucket"], params.get("Prefix", "")
    keys = [item["Key"] for item in params["Delete"]["Objects"]] if "Delete" in params else [params.get("Key")]
    return [Call(operation, bucket, key, prefix) for key in keys]


def read_policy(path: Path, names: dict[str, str]) -> list[dict[str, Any]]:
    """The statements of a policy document whose placeholders are replaced by names."""
    text = path.read_text()
    for placeholder, name in names.items():
        assert placeholder in text
        text = text.replace(placeholder, name)
    document = json.loads(text)
    assert document.keys() == {"Version", "Statement"} and document["Version"] == "2012-10-17"
    statements: list[dict[str, Any]] = document["Statement"]
    for statement in statements:
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow" and isinstance(statement["Resource"], str)
        assert statement.get("Condition", {}).keys() <= {"StringLike"}
    return statements


def actions_of(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement, of which IAM writes a single one without a list."""
    action = statement["Action"]
    return [action] if isinstance(action, str) else action


def rights_used(statements: list[dict[str, Any]], call: Call) -> set[tuple[str, str]]:
    """The rights, each by statement and action, that allow the call; none if it is denied."""
    return {(statement["Sid"], call.action) for statement in statements if _allows(statement, call)}


def _allows(statement: dict[str, Any], call: Call) -> bool:
    conditions = statement.get("Condition", {}).get("StringLike", {})
    assert conditions.keys() <= {"s3:prefix"}
    return (
        call.action in actions_of(statement)
        and fnmatch.fnmatchcase(call.resource, statement["Resource"])
        and all(fnmatch.fnmatchcase(call.prefix, pattern) for pattern in conditions.values())
    )
