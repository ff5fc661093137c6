"""Models in MLflow: one logged model a cycle, registered as a version, with `challenger` and `champion` as aliases.

A model is a folder of safetensors for head, adapter and tuned backbone, and of what they belong to: no code, no pickle.
"""

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from labelcycle.components.core.campaign.campaign import Backbone, Campaign, Transform
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.config.embedding import Pooling
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.models.tuned_backbone import WEIGHTS
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_object
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.promotion_history import PromotionHistory

CHALLENGER = "challenger"
CHAMPION = "champion"
MODEL_TYPE = "labelcycle-classifier"
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
        }


def registered_name(campaign: Campaign) -> str:
    """The name that the campaign's models are registered under, unique to the campaign."""
    return f"labelcycle-{campaign.identifier}"


def log_model(client: MlflowClient, candidate: Candidate, folder: str) -> str:
    """Log the model in `folder` as the run's output and return its id, the same id each time."""
    model = _find_logged_model(client, candidate) or client.create_logged_model(
        candidate.run.info.experiment_id,
        name=f"{candidate.campaign.name}-{tags.padded(candidate.commit.cycle)}",
        source_run_id=candidate.run.info.run_id,
        tags=candidate.tags,
        model_type=MODEL_TYPE,
    )
    model_id: str = model.model_id
    if model.status != LoggedModelStatus.READY:
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
        for name, value in _marks(history, version.tags[tags.COMMIT]).items():
            if version.tags.get(name) != value:
                client.set_model_version_tag(version.name, version.version, name, value)
    champion = history.champion
    chosen = [version for version in versions if champion and version.tags[tags.COMMIT] == champion.commit]
    if chosen:
        newest = max(chosen, key=lambda version: int(version.version))
        current = None if newest is new else _champion(client, newest.name)
        if current is None or current.version != newest.version:
            client.set_registered_model_alias(newest.name, CHAMPION, newest.version)


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
    "head": "head.safetensors",
    "adapter_model": "adapter/adapter_model.safetensors",
    "adapter_config": "adapter/adapter_config.json",
    "backbone": WEIGHTS,
}
"""Objects of a commit that make up its model, and their paths in the model's folder."""


class BackboneDescription(Record):
    """The network that head and adapter need.

    Attributes:
        name: timm's.
        weights_sha256: of its weights.
        file: the tuned backbone's weights within the model's folder; None for the backbone as it comes.
        transform: how an image becomes its input.
        width: numbers in a feature vector.
        pooling: how tokens become a vector.
    """

    name: str
    weights_sha256: str
    file: str | None
    transform: Transform
    width: int
    pooling: Pooling


class ModelDescription(Record):
    """What a user of the model has to know: `model.json`.

    Attributes:
        campaign: its identifier.
        cycle: that trained the model.
        attempt: at that cycle.
        classes: in the order of the head's rows.
        space: the feature space of the head.
        backbone: None where features were given.
        adapter: whether the folder has one.
    """

    campaign: str
    cycle: int
    attempt: str
    classes: list[str]
    space: str
    backbone: BackboneDescription | None
    adapter: bool


def model_files(store: Store, campaign: Campaign, commit: Commit, space: str) -> dict[str, bytes]:
    """Content by path. `model.json` names the backbone, down to its weights, that head and adapter need."""
    files = {path: read_object(store, commit.objects[name]) for name, path in FILES.items() if name in commit.objects}
    return {**files, "model.json": canonical_json(description(campaign, commit, space).as_json())}


def description(campaign: Campaign, commit: Commit, space: str) -> ModelDescription:
    """The model of a cycle, whose features are those of a space."""
    return ModelDescription(
        campaign=campaign.identifier,
        cycle=commit.cycle,
        attempt=commit.attempt,
        classes=campaign.classes,
        space=space,
        backbone=campaign.backbone and _described(campaign.backbone, commit.objects.get("backbone")),
        adapter="adapter_model" in commit.objects,
    )


def _described(backbone: Backbone, tuned: ObjectReference | None) -> BackboneDescription:
    """The campaign's network, with the weights of the cycle where it has tuned them."""
    return BackboneDescription(
        name=backbone.name,
        weights_sha256=(tuned or backbone.weights).sha256,
        file=None if tuned is None else WEIGHTS,
        transform=backbone.transform,
        width=backbone.width,
        pooling=backbone.pooling,
    )
