"""A campaign whose stages are to run in a cluster: its state, and whether pods can read what it names."""

import pyarrow.compute as pc

from labelcycle.components.core.campaign import load_pool
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.state import State, read_state
from labelcycle.components.core.storage import open_store

OBJECT_STORE = "s3://"


def read_cluster_campaign(root: str, labels_from: str = "") -> State:
    """The state of the campaign at `root`, if pods can work on it.

    Args:
        root: the campaign's S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.

    Raises:
        ConfigurationError: the root, the label file or the images are on this machine, where no pod can read them.
        CampaignError: there is no campaign.
    """
    if not root.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"{root} is a folder of this machine, which pods in a cluster cannot read. Begin the campaign in an object "
            "store: labelcycle init s3://bucket/prefix …; or run this one here: labelcycle run."
        )
    state = read_state(open_store(root))
    _check_labels(labels_from, state.campaign.labels_from)
    if not state.commits and state.campaign.backbone is not None:
        _check_images(root, state)
    return state


def _check_labels(labels_from: str, own: str | None) -> None:
    if labels_from and not labels_from.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"--labels-from {labels_from} is a file of this machine, which pods in a cluster cannot read. Copy it to "
            "the object store and name it as s3://bucket/file."
        )
    beside = own is not None and not own.startswith("/") and "://" not in own
    if not labels_from and own and not beside and not own.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"The campaign reads labels from {own}, a file of a machine, which pods in a cluster cannot read. Copy it "
            "to the object store and add --labels-from s3://bucket/file."
        )


def _check_images(root: str, state: State) -> None:
    """Before the first cycle, because the pods of that one read every image."""
    addresses = load_pool(open_store(root), state.campaign)["uri"]
    local = addresses.filter(pc.invert(pc.starts_with(addresses, OBJECT_STORE)))
    if len(local):
        raise ConfigurationError(
            f"{len(local)} images of the pool are on a machine, such as {local[0]}, where pods cannot read them. Copy "
            "the images to the object store and begin another campaign with --images s3://bucket/images."
        )
