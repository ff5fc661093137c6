"""What `labelcycle doctor` is asked: where a campaign is to run, and by what names."""

from dataclasses import dataclass
from typing import Literal

from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET

Engine = Literal["local", "argo", "kfp"]


@dataclass(frozen=True)
class Question:
    """Where a campaign is to run.

    Attributes:
        engine: what runs it.
        root: the campaign's; empty where none is named.
        context: of the kubeconfig; empty for its current one.
        namespace: of the pods; empty for the engine's usual one.
        profile: name or path of what pods ask for.
        image: of the stages; empty for the one that Argo's workflows have, or the environment's.
        on_labels: whether calls are to start cycles, by Argo Events.
        host, token_file, experiment: of Kubeflow Pipelines, as `labelcycle submit` takes them.
        service_account: of the pods; None for the usual one.
        storage_secret, tracking_secret, labelling_secret, settings_map: names in the namespace of the pods.
    """

    engine: Engine = "local"
    root: str = ""
    context: str = ""
    namespace: str = ""
    profile: str = "small"
    image: str = ""
    on_labels: bool = False
    host: str | None = None
    token_file: str | None = None
    experiment: str = "labelcycle"
    service_account: str | None = None
    storage_secret: str = STORAGE_SECRET
    tracking_secret: str = TRACKING_SECRET
    labelling_secret: str = LABELLING_SECRET
    settings_map: str = SETTINGS_MAP
