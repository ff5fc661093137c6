"""The first contact with the model hub, so that a closed network is told of in seconds and not after every retry.

The hub's own client asks for each file six times, with waits of 23 seconds in between. That suits a download that was
cut short, but not a machine which the hub cannot be reached from at all.
"""

import os
import time

SECONDS = 5.0
"""What the hub may take to answer, unless `HF_HUB_ETAG_TIMEOUT` says otherwise."""

TRIES = 2
SECONDS_BETWEEN = 1.0

WEIGHT_FILES = (
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Names that timm's weights have on the hub; a repository has one of them or several."""


def contact_hub(repository: str, *needed: str) -> None:
    """Find out whether the hub answers, by one question and one more. Downloads keep the hub's own patience.

    Args:
        repository: `owner/name` of a model on the hub, or `owner/name@revision`.
        needed: file names. Where one of them was fetched before the hub is not asked here, since its client then goes
            on without an answer at once.

    Raises:
        ConnectionError: it does not answer, or `HF_HUB_OFFLINE` forbids to ask.

    Cost: one small request; two times 5 seconds where nothing answers.
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.errors import OfflineModeIsEnabled

    name, _, revision = repository.partition("@")
    if any(_fetched_before(name, file, revision) for file in needed):
        return
    address = hf_hub_url(name, "config.json")
    seconds = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or SECONDS)
    for tried in range(1, TRIES + 1):
        try:
            get_session().head(address, timeout=seconds)
            return
        except OfflineModeIsEnabled as error:
            raise ConnectionError("HF_HUB_OFFLINE is set, and the files were not fetched before") from error
        except Exception as error:  # of several libraries, by the hub client's version
            if tried == TRIES:
                host = "/".join(address.split("/")[:3])
                raise ConnectionError(f"{host} does not answer: {str(error) or type(error).__name__}") from error
        time.sleep(SECONDS_BETWEEN)


def _fetched_before(name: str, file: str, revision: str) -> bool:
    """Whether the hub's cache on this machine has a file of a repository."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, file, revision=revision or None), str)
