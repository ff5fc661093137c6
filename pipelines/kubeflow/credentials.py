"""How labelcycle logs in to Kubeflow Pipelines. Secrets come from files and environment variables, never from flags."""

import os
from pathlib import Path
from typing import Any

from labelcycle.components.core.errors import ConfigurationError

TOKEN, COOKIES = "LABELCYCLE_KFP_TOKEN", "LABELCYCLE_KFP_COOKIES"
TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"
"""The variable of kfp itself that names the file of a service account's token."""


def credentials(token_file: str | None) -> dict[str, Any]:
    """Arguments of `kfp.Client` that log in.

    A file of a token is read again for every request, because Kubernetes renews projected tokens. Without any of them
    `kfp.Client` has its own ways: the context file of kfp, an identity-aware proxy, a service account inside a cluster.

    Args:
        token_file: the file of a bearer token; None for the one that the environment names, if any.

    Raises:
        ConfigurationError: the file cannot be read or is empty.
    """
    given: dict[str, Any] = {}
    path = token_file or os.environ.get(TOKEN_FILE)
    if path:
        from kfp.client import ServiceAccountTokenVolumeCredentials

        _check(path)
        given["credentials"] = ServiceAccountTokenVolumeCredentials(path)
    elif token := os.environ.get(TOKEN, "").strip():
        given["existing_token"] = token
    if cookies := os.environ.get(COOKIES, "").strip():
        given["cookies"] = cookies
    if authorities := os.environ.get("SSL_CERT_FILE"):
        given["ssl_ca_cert"] = authorities
    return given


def _check(path: str) -> None:
    try:
        empty = not Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Cannot read the token file {path}: {error}. Name a file that holds a bearer token."
        ) from error
    if empty:
        raise ConfigurationError(f"The token file {path} is empty. Name a file that holds a bearer token.")
