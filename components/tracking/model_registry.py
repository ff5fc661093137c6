"""Models in MLflow: one logged model a cycle, registered as a version, with `challenger` and `champion` as aliases.

A model is a folder of safetensors for head, adapter and tuned backbone, with what they belong to, and what MLflow needs
to load it (`pyfunc_files`): no pickle.
"""

from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from labelcycle.components.core.campaign.campaign import Backbone, Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.features.provenance import ImportedProvenance
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import input_width, read_head
from labelcycle.components.core.models.model_description import (
    ADAPTER_FOLDER,
    DESCRIPTION,
    HEAD,
    BackboneDescription,
    ModelDescription,
    ScaleDescription,
)
from labelcycle.components.core.models.tuned_backbone import WEIGHTS
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.artifact_folder import folder_of
from labelcycle.components.tracking.promotion_history import PromotionHistory
from labelcycle.components.tracking.pyfunc_files import pyfunc_files

CHALLENGER = "challenger"
CHAMPION = "champion"
MODEL_TYPE = "labelcycle-classifier"
PYFUNC = "pyfunc"
"""The format of the models that `mlflow.pyfunc` loads."""
SECONDS_TO_REGISTER = 30


@dataclass(frozen=True)
class Candidate:
    """The model of one cycle, on its way into the registry."""

    campaign: Campaign
    commit: Commit
    run: Run
    labels: int
    metrics: CycleMetrics

    @property
    def tags(self) -> dict[str, str]:
        """What marks the model as this cycle's; the accuracy is written so that it reads back exactly."""
        accuracy = self.metrics.accuracy
        return {
            **tags.identity(self.campaign, self.commit),
            **({} if accuracy is None else {tags.ACCURACY: repr(accuracy)}),
            tags.TEST_SET: self.metrics.test_set or self.campaign.truth.sha256,
            tags.MODEL_FORMAT: PYFUNC,
        }


def registered_name(campaign: Campaign) -> str:
    """The name that the campaign's models are registered under, unique to the campaign."""
    return f"labelcycle-{campaign.identifier}"


def log_model(client: MlflowClient, candidate: Candidate, files: dict[str, bytes], described: ModelDescription) -> str:
    """Log the model as the run's output and return its id, the same id each time.

    Args:
        client: of MLflow.
        candidate: the model.
        files: by path in its folder, from `model_files`; those that MLflow itself needs are added.
        described: what `model.json` says.
    """
    model = _find_logged_model(client, candidate) or client.create_logged_model(
        candidate.run.info.experiment_id,
        name=f"{candidate.campaign.name}-{tags.padded(candidate.commit.cycle)}",
        source_run_id=candidate.run.info.run_id,
        tags=candidate.tags,
        model_type=MODEL_TYPE,
    )
    model_id: str = model.model_id
    if model.status != LoggedModelStatus.READY:
        for_mlflow = pyfunc_files(described, model_id, candidate.run.info.run_id)
        with folder_of(files | for_mlflow) as folder:
            client.log_model_artifacts(model_id, folder)
        client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    outputs = candidate.run.outputs
    if model_id not in [output.model_id for output in (outputs.model_outputs if outputs else [])]:
        client.log_outputs(candidate.run.info.run_id, [LoggedModelOutput(model_id, candidate.labels)])
    return model_id


def register(client: MlflowClient, candidate: Candidate, model_id: str, history: PromotionHistory) -> None:
    """Register the logged model, name the campaign's newest `challenger`, and follow its history of promotions.

    Cost: one search, the version with all its tags, and for each alias two requests, since MLflow's client looks first.
    """
    versions = _versions(client, candidate.campaign)
    new = None
    if all(version.tags[tags.COMMIT] != candidate.commit.digest for version in versions):
        new = _create_version(client, candidate, model_id, history, first=not versions)
        versions.append(new)
    newest = max(versions, key=lambda version: (version.tags[tags.CYCLE], int(version.version)))
    client.set_registered_model_alias(newest.name, CHALLENGER, newest.version)
    _follow(client, versions, history, new)


def follow_promotions(client: MlflowClient, campaign: Campaign, history: PromotionHistory) -> None:
    """Make `champion` and the versions' tags what the campaign's history of promotions says.

    Cost: one search and one look-up where MLflow has followed already.
    """
    _follow(client, _versions(client, campaign), history)


def _follow(
    client: MlflowClient, versions: list[ModelVersion], history: PromotionHistory, new: ModelVersion | None = None
) -> None:
    """The same for versions that were found; one that is new cannot be champion yet, so MLflow is not asked who is."""
    for version in versions:
        for name, value in (_format(version) | _marks(history, version.tags[tags.COMMIT])).items():
            if version.tags.get(name) != value:
                client.set_model_version_tag(version.name, version.version, name, value)
    champion = history.champion
    chosen = [version for version in versions if champion and version.tags[tags.COMMIT] == champion.commit]
    if chosen:
        newest = max(chosen, key=lambda version: int(version.version))
        current = None if newest is new else _champion(client, newest.name)
        if current is None or current.version != newest.version:
            client.set_registered_model_alias(newest.name, CHAMPION, newest.version)


def _format(version: ModelVersion) -> dict[str, str]:
    """Of a version that an earlier labelcycle has registered: what MLflow's own message does not say."""
    if tags.MODEL_FORMAT in version.tags:
        return {}
    cycle = int(version.tags[tags.CYCLE])
    told = (
        "files alone: an earlier labelcycle registered this version without what mlflow.pyfunc loads; predict with "
        f"labelcycle predict ROOT --cycle {cycle}, or load a version of a later cycle"
    )
    return {tags.MODEL_FORMAT: told}


def _marks(history: PromotionHistory, commit: str) -> dict[str, str]:
    """How the model of a commit was judged last, as tags of its version; none where it was not."""
    judged = history.last_about(commit)
    if judged is None:
        return {}
    return {
        tags.PROMOTION: judged.summary[: tags.LONGEST],
        tags.PROMOTION_OUTCOME: judged.outcome,
        tags.PROMOTION_BY: judged.by,
        tags.PROMOTION_TIME: judged.time,
    }


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The registered model's champion; MLflow answers a missing alias with an error."""
    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"):
            return None
        raise


def _find_logged_model(client: MlflowClient, candidate: Candidate) -> LoggedModel | None:
    """The cycle's logged model, finished or not."""
    wanted = tags.of_commit(candidate.commit)
    found = client.search_logged_models([candidate.run.info.experiment_id], filter_string=wanted)
    return found[0] if found else None


def _versions(client: MlflowClient, campaign: Campaign) -> list[ModelVersion]:
    """The campaign's registered versions; what people have registered beside them is left out."""
    versions: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{registered_name(campaign)}'", page_token=token)
        versions += [version for version in page if {tags.CYCLE, tags.COMMIT} <= version.tags.keys()]
        token = page.token
        if not token:
            return versions


def _create_version(
    client: MlflowClient, candidate: Candidate, model_id: str, history: PromotionHistory, first: bool
) -> ModelVersion:
    """A version of the campaign's registered model, which is made for the first one."""
    name = registered_name(candidate.campaign)
    if first:
        _create_registered_model(client, name, candidate.campaign)
    measured = candidate.metrics.accuracy_in_words
    return client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=candidate.run.info.run_id,
        tags=candidate.tags | _marks(history, candidate.commit.digest),
        description=f"Cycle {candidate.commit.cycle}: {candidate.labels} labels, {measured}.",
        await_creation_for=SECONDS_TO_REGISTER,
        model_id=model_id,
    )


def _create_registered_model(client: MlflowClient, name: str, campaign: Campaign) -> None:
    """Make the registered model, unless an earlier try has made it."""
    try:
        client.create_registered_model(
            name,
            tags={tags.CAMPAIGN: campaign.identifier},
            description=f"Heads and adapters of campaign {campaign.identifier}, a version a cycle.",
        )
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise


FILES = {
    "head": HEAD,
    "adapter_model": f"{ADAPTER_FOLDER}/adapter_model.safetensors",
    "adapter_config": f"{ADAPTER_FOLDER}/adapter_config.json",
    "backbone": WEIGHTS,
}
"""Objects of a commit that make up its model, and their paths in the model's folder."""


def model_files(store: Store, commit: Commit, described: ModelDescription) -> dict[str, bytes]:
    """Content by path. `model.json` names the backbone, down to its weights, that head and adapter need."""
    files = {path: read_object(store, commit.objects[name]) for name, path in FILES.items() if name in commit.objects}
    return {**files, DESCRIPTION: canonical_json(described.as_json())}


def description(
    store: Store, campaign: Campaign, commit: Commit, space: str, weights_copy: str | None = None
) -> ModelDescription:
    """The model of a cycle, whose features are those of a space.

    Args:
        store: the campaign's.
        campaign: as it was for the cycle.
        commit: the cycle's.
        space: the name of the feature space.
        weights_copy: MLflow's copy of the campaign's network; None where it has none.
    """
    on_images = campaign.backbone is not None
    return ModelDescription(
        campaign=campaign.identifier,
        cycle=commit.cycle,
        attempt=commit.attempt,
        classes=campaign.classes,
        space=space,
        backbone=campaign.backbone
        and _described(store, campaign.backbone, commit.objects.get("backbone"), weights_copy),
        adapter="adapter_model" in commit.objects,
        **({} if on_images else _features_taken(store, campaign, commit)),
    )


def _features_taken(store: Store, campaign: Campaign, commit: Commit) -> dict[str, Any]:
    """The width of the features that a model takes, and what they are centred and scaled by."""
    provenance = FeatureSpace(store, campaign.base_space).provenance()
    scale = ScaleDescription.of(provenance) if isinstance(provenance, ImportedProvenance) else None
    return {"width": input_width(read_head(read_object(store, commit.objects["head"]))), "feature_scale": scale}


def _described(
    store: Store, backbone: Backbone, tuned: ObjectReference | None, weights_copy: str | None
) -> BackboneDescription:
    """The campaign's network, with the weights of the cycle where it has tuned them."""
    return BackboneDescription(
        name=backbone.name,
        weights_sha256=(tuned or backbone.weights).sha256,
        file=None if tuned is None else WEIGHTS,
        transform=backbone.transform,
        width=backbone.width,
        pooling=backbone.pooling,
        precision=backbone.precision,
        weights=store.locate(backbone.weights.key) if tuned is None else None,
        weights_copy=weights_copy if tuned is None else None,
    )
