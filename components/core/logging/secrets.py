"""Keeps secrets out of log lines: those of this process's environment, and what looks like one in addresses."""

import functools
import os
import re

HIDDEN = "***"
SHORTEST = 8
"""Characters of the shortest value that is looked for: shorter ones are words that occur anywhere."""

_NAMES = re.compile(r"SECRET|PASSWORD|TOKEN|CREDENTIAL|API_KEY|COOKIE", re.IGNORECASE)
_FILES = re.compile(r"_(FILE|PATH|URI|URL|HOST|NAME)$", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|token)=)[^&\s\"']+", re.I),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(\b(?:Bearer|Basic|Token)\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{HIDDEN}"),
)


def without_secrets(text: str) -> str:
    """`text` with user and password of addresses, signatures of links, bearer tokens and known secrets hidden."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and _names_a_secret(name):
            text = text.replace(value, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _names_a_secret(variable: str) -> bool:
    return bool(_NAMES.search(variable)) and not _FILES.search(variable)
