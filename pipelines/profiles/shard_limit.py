"""How many shards an engine takes: Argo keeps the status of all pods of a run in one object of at most a megabyte."""

from typing import Literal

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.profiles.profile import Profile

MOST: dict[Literal["Argo", "Kubeflow Pipelines"], int] = {"Argo": 200, "Kubeflow Pipelines": 50}
"""Shards that fit. One more was seen to make Argo's object larger by 4.5 KB before it is compressed, and that of a run
on Kubeflow, which has drivers besides, by 15.5 KB when it is compressed."""


def refuse_too_many_shards(engine: Literal["Argo", "Kubeflow Pipelines"], shards: int, profile: Profile) -> None:
    """Refuse more shards than the engine keeps the status of, when a run is compiled rather than when it is under way.

    Args:
        engine: which.
        shards: parts that embed and score are split into.
        profile: says whether the cluster keeps the status of pods elsewhere.

    Raises:
        ConfigurationError: there are too many.
    """
    if shards > MOST[engine] and not profile.offloaded_node_status:
        raise ConfigurationError(
            f"{shards} shards are more than the {MOST[engine]} whose pods {engine} can keep in the object of a run, "
            "which may have 1 MB. Use fewer, each of which then takes longer: the result is the same. Or let Argo keep "
            "their status in a database (nodeStatusOffLoad in its persistence), and say so in the profile by "
            "offloaded_node_status: true."
        )
