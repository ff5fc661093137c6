"""Which of a campaign's models is used: the champion, unless another one is named."""

import shlex
from dataclasses import dataclass

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.features.provenance import ImportedProvenance
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import Head, read_head
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import read_object, read_record
from labelcycle.components.tracking.promoting import trained_commits
from labelcycle.components.tracking.promotion_history import FOLDER, read_champion


@dataclass(frozen=True)
class Chosen:
    """A committed model.

    Attributes:
        store: the campaign's.
        campaign: as it was for the cycle: the classes are those that the model knows.
        commit: the cycle's.
        champion: whether it is the champion.
    """

    store: Store
    campaign: Campaign
    commit: Commit
    champion: bool

    @property
    def head(self) -> Head:
        """The classification head."""
        return read_head(read_object(self.store, self.commit.objects["head"]))

    @property
    def feature_scale(self) -> FeatureScale | None:
        """What a user's embeddings are centred and scaled by; None where they are kept as they are."""
        provenance = FeatureSpace(self.store, self.campaign.base_space).provenance()
        return provenance.feature_scale if isinstance(provenance, ImportedProvenance) else None

    @property
    def metrics(self) -> CycleMetrics:
        """What was measured of it."""
        return read_record(self.store, self.commit.objects["metrics"], CycleMetrics)

    @property
    def training(self) -> TrainingFacts:
        """How it was trained."""
        return read_record(self.store, self.commit.objects["training"], TrainingFacts)

    @property
    def title(self) -> str:
        """The model in words, such as `the champion, of cycle 3`."""
        return f"the {'champion, of' if self.champion else 'model of'} cycle {self.commit.cycle}"


def choose_model(root: str, cycle: int | None = None, final: bool = False) -> Chosen:
    """The campaign's champion, the model of one cycle, or the final one.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the number of the cycle, None for no particular one.
        final: take the model of `labelcycle finalize`, or the last cycle's where the recipe has no final training.

    Raises:
        ConfigurationError: both are named, there is no such model, or no champion.
        CampaignError: no campaign there, or its champion is not among its cycles.
    """
    if final and cycle is not None:
        raise ConfigurationError("--cycle and --final name two models. Leave one of them out.")
    store = open_store(root)
    state = read_state(store)
    trained = trained_commits(state)
    if not trained:
        raise ConfigurationError(
            f"{store.root} has no model yet: no cycle has trained one. "
            f"Continue with: labelcycle run {shlex.quote(root)}"
        )
    champion = read_champion(store)
    commit = _final(state, root) if final else _named(trained, cycle) if cycle is not None else None
    if commit is None:
        if champion is None:
            raise ConfigurationError(
                f"{store.root} has no champion yet. Judge its newest model with labelcycle promote "
                f"{shlex.quote(root)}, or name a cycle: --cycle {trained[-1].cycle}."
            )
        commit = next((one for one in trained if one.digest == champion.commit), None)
        if commit is None:
            raise CampaignError(
                f"The champion of {store.root} is of cycle {champion.cycle}, which is missing or has another commit. "
                f"Restore the folder cycles/{champion.cycle} from a backup, or take {FOLDER} away and judge all models "
                f"again with: labelcycle promote {shlex.quote(root)}"
            )
    return Chosen(store, state.campaign_of(commit), commit, champion is not None and champion.commit == commit.digest)


def _named(trained: list[Commit], cycle: int) -> Commit:
    for commit in trained:
        if commit.cycle == cycle:
            return commit
    raise ConfigurationError(
        f"Cycle {cycle} has no model. Cycles with one: {', '.join(str(commit.cycle) for commit in trained)}."
    )


def _final(state: State, root: str) -> Commit:
    if state.final is not None:
        return state.commits[state.final.cycle]
    if state.campaign.recipe.final is not None:
        raise ConfigurationError(
            f"The final model is not trained yet. Train it with: labelcycle finalize {shlex.quote(root)}"
        )
    return trained_commits(state)[-1]
