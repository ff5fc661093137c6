"""A campaign whose stages are to run in a cluster: its state, and whether pods can read what it names."""

from dataclasses import dataclass

import pyarrow.compute as pc

from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import Store, open_store

OBJECT_STORE = "s3://"


@dataclass(frozen=True)
class ClusterCampaign:
    """A campaign that pods can work on."""

    store: Store

    @property
    def root(self) -> str:
        """The campaign's S3 prefix, without a slash at its end."""
        return self.store.root

    def read(self) -> State:
        """The campaign's state as it is now."""
        return read_state(self.store)


def open_cluster_campaign(root: str, labels_from: str = "") -> ClusterCampaign:
    """The campaign at `root`, if pods can work on it.

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
    campaign = ClusterCampaign(open_store(root))
    state = campaign.read()
    _check_labels(labels_from, state.campaign.labels_from)
    newest = state.newest_amendment
    unused = newest is not None and state.commits and newest != state.commits[-1].objects.get("amendment")
    if state.campaign.backbone is not None and (not state.commits or unused):
        _check_images(campaign.store, state)
    return campaign


def _check_labels(labels_from: str, own: str | None) -> None:
    if labels_from and not labels_from.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"--labels-from {labels_from} is a file of this machine, which pods in a cluster cannot read. Copy it to "
            "the object store and name it as s3://bucket/file."
        )
    in_root = own is not None and not own.startswith("/") and "://" not in own
    if not labels_from and own and not in_root and not own.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"The campaign reads labels from {own}, a file of a machine, which pods in a cluster cannot read. Copy it "
            "to the object store and add --labels-from s3://bucket/file."
        )


def _check_images(store: Store, state: State) -> None:
    """Before the first cycle, and one that new images may join, because the pods of that one read them."""
    watched = state.campaign.watch_images
    if watched is not None and not watched.startswith(OBJECT_STORE):
        raise ConfigurationError(
            f"The campaign watches {watched} for images, a folder of a machine, which pods in a cluster cannot read. "
            "Copy it to the object store and name that: labelcycle amend --watch-images s3://bucket/images."
        )
    addresses = load_pool(store, state.campaign)["uri"]
    local = addresses.filter(pc.invert(pc.starts_with(addresses, OBJECT_STORE)))
    if len(local):
        raise ConfigurationError(
            f"{len(local)} images of the pool are on a machine, such as {local[0]}, where pods cannot read them. Copy "
            "the images to the object store and begin another campaign with --images s3://bucket/images."
        )
