"""What can be changed of a campaign that has begun, and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from labelcycle.components.core.campaign.amendments import Amendment, amendment_key, append_amendment
from labelcycle.components.core.campaign.campaign import Campaign, Prices
from labelcycle.components.core.campaign.sample_tables import read_sample_tables
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.config.recipe import Recipe, describe
from labelcycle.components.core.config.recipe_files import changed_recipe, read_recipe
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.authorship import now, user
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.amending.class_names import as_changes, changed_classes
from labelcycle.pipelines.amending.sample_changes import WantedSamples, changes_of_samples, counts_of_samples
from labelcycle.pipelines.initialise.notify_settings import notify_of
from labelcycle.pipelines.initialise.query_settings import check_rechecks, check_strategies, names_losses
from labelcycle.pipelines.initialise.zero_shot_start import with_texts_of
from labelcycle.pipelines.recipes.catalogue import recipe_path

OF_QUERIES = ("scorer", "selector", "schedule", "stop")
"""Parts of a recipe that say what is asked for and for how long; the others say how models are made."""

OF_MODELS = ("embedding", "trainer", "cold_start", "alignment", "final", "data_selection")

LISTS = ("exclude", "include")
"""Of the selector: samples by id."""


@dataclass(frozen=True)
class WantedChanges:
    """What is to be different from the next cycle on; None and empty for what stays.

    Attributes:
        budget: labels in all, those that were paid for among them.
        batch: labels a cycle.
        recipe: the name of a recipe, or the path of one.
        overrides: settings laid over it, or over the campaign's own: `{"selector.strategy": "margin"}`.
        notify: settings laid over those of who is told of what: `{"webhook": True}`.
        no_notify: whether nobody is told from now on.
        classes: new ones, `+NAME` each.
        renamed: classes that get another name, `OLD=NEW` each.
        merged: classes that become one, `A,B=NEW` each.
        prices: new ones, by their names in `Campaign.prices`.
        samples: which samples there are.
    """

    budget: int | None = None
    batch: int | None = None
    recipe: str | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    notify: Mapping[str, object] = field(default_factory=dict)
    no_notify: bool = False
    classes: Sequence[str] = ()
    renamed: Sequence[str] = ()
    merged: Sequence[str] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    samples: WantedSamples = field(default_factory=WantedSamples)


@dataclass(frozen=True)
class Amended:
    """An amendment that was written.

    Attributes:
        amendment: the amendment.
        before: the campaign without it.
        after: the campaign with it.
        cycle: the first that it is in force for.
        at_end: whether the campaign asks for nothing more all the same, so that no cycle comes that it is in force for.
    """

    amendment: Amendment
    before: Campaign = field(repr=False)
    after: Campaign = field(repr=False)
    cycle: int
    at_end: bool = False


def amend_campaign(store: Store, wanted: WantedChanges, reason: str) -> Amended:
    """Write an amendment, in force from the cycle on that begins next.

    A cycle that label_ingest has begun goes on as it began. Of two people who amend at once the second's changes are
    checked again, against what the first one's have made of the campaign.

    Args:
        store: the campaign's.
        wanted: what is to change.
        reason: why, for the record; may be empty.

    Raises:
        ConfigurationError: the changes are none, contradict what was done already, or cannot be made.
        CampaignError: there is no campaign, or it is damaged.
    """
    while True:
        state = read_state(store)
        assert state.amended is not None
        changes = changes_of(store, state, wanted)
        after = state.campaign.amended(changes)
        amendment = Amendment(
            number=len(state.amended.amendments),
            previous=state.amended.digest,
            time=now(),
            by=user(),
            reason=reason,
            cycles=len(state.commits),
            changes=changes,
            counts=counts_of_samples(store, state.campaign, after),
        )
        if append_amendment(store, amendment):
            return Amended(amendment, state.campaign, after, len(state.commits), _at_end(state, after))


def _at_end(state: State, after: Campaign) -> bool:
    """Whether a campaign that has asked for all is left without anything to ask for by its amendment."""
    last = state.summaries[-1] if state.summaries else None
    return last is not None and not last.query_size and not after.query_size(last.answers + last.outstanding)


def changes_of(store: Store, state: State, wanted: WantedChanges) -> dict[str, JsonValue]:
    """The values that an amendment writes: those that differ.

    Raises:
        ConfigurationError: as `amend_campaign`.
    """
    campaign = state.campaign
    if campaign.recipe.data_selection is not None:
        raise ConfigurationError(
            f"Recipe {campaign.recipe.name!r} selects training data whose labels are all known: it asks for nothing, "
            "and cannot be amended. Begin another campaign with labelcycle init."
        )
    if state.final is not None:
        raise ConfigurationError("The campaign has its final model, which ends it. Begin another with labelcycle init.")
    changes: dict[str, JsonValue] = {}
    if wanted.budget is not None and wanted.budget != campaign.budget:
        changes["budget"] = _budget(state, wanted.budget)
    if wanted.batch is not None and wanted.batch != campaign.batch:
        if wanted.batch < 1:
            raise ConfigurationError(f"--batch {wanted.batch}: ask for one label a cycle at least.")
        changes["batch"] = wanted.batch
    recipe = _recipe(store, campaign, wanted)
    if recipe != campaign.recipe:
        changes["recipe"] = recipe.model_dump(mode="json")
    if wanted.no_notify and wanted.notify:
        raise ConfigurationError("--notify says whom to tell, and --no-notify that nobody is told. Give one of them.")
    notify = None if wanted.no_notify else notify_of(wanted.notify, campaign.notify)
    if notify != campaign.notify:
        changes["notify"] = None if notify is None else notify.model_dump(mode="json")
    classes = changed_classes(campaign, wanted.classes, wanted.renamed, wanted.merged)
    changes |= as_changes(campaign, classes)
    if campaign.zero_shot is not None and classes.names != campaign.classes:
        changes["zero_shot"] = with_texts_of(store, campaign.zero_shot, classes.names).model_dump(mode="json")
    prices = _prices(campaign, wanted.prices)
    if prices != campaign.prices:
        changes["prices"] = prices.model_dump(mode="json")
    changes |= changes_of_samples(store, state, campaign.amended(changes), wanted.samples)
    if not changes:
        raise ConfigurationError("Nothing would change. Say what is to be different: labelcycle amend --help.")
    return changes


def _budget(state: State, budget: int) -> int:
    """The new budget, if it is not less than what has been asked for."""
    last = state.summaries[-1] if state.summaries else None
    asked = 0 if last is None else last.answers + last.outstanding + last.query_size
    if budget < 1:
        raise ConfigurationError(f"--budget {budget}: ask for one label at least.")
    if budget < asked:
        raise ConfigurationError(
            f"--budget {budget} is less than the {asked} labels that were asked for already. Give {asked} to ask for "
            "no more."
        )
    return budget


def _prices(campaign: Campaign, wanted: Mapping[str, float]) -> Prices:
    """The new prices: those of labels and computing to come."""
    try:
        return Prices.model_validate({**campaign.prices.model_dump(), **wanted})
    except ValidationError as error:
        raise ConfigurationError(f"The prices are invalid:\n{describe(error)}") from error


def _recipe(store: Store, campaign: Campaign, wanted: WantedChanges) -> Recipe:
    """The new recipe: one of that name with the samples that the old one leaves out or asks for first, or the old one.

    Raises:
        ConfigurationError: a setting is refused, belongs to how models are made, or needs what the campaign lacks.
    """
    if wanted.recipe is None:
        recipe = changed_recipe(campaign.recipe, wanted.overrides)
    else:
        kept = {f"selector.{name}": getattr(campaign.recipe.selector, name) for name in LISTS}
        recipe = read_recipe(recipe_path(wanted.recipe), {**kept, **wanted.overrides})
    if recipe == campaign.recipe:
        return recipe
    different = [part for part in OF_MODELS if getattr(recipe, part) != getattr(campaign.recipe, part)]
    if different:
        raise ConfigurationError(
            f"{', '.join(different)}: how models are made stays as it began, so that one curve shows the campaign. "
            f"{', '.join(OF_QUERIES)} can be amended; for another model begin a campaign with labelcycle init "
            "--known-labels."
        )
    lists = [name for name in LISTS if getattr(recipe.selector, name) != getattr(campaign.recipe.selector, name)]
    if lists:
        raise ConfigurationError(f"selector.{lists[0]}: lists of samples stay as they began. Leave it out.")
    check_rechecks(recipe, campaign.labels_from)
    losses = names_losses(recipe) and read_sample_tables(store, campaign).knows_pool
    check_strategies(recipe, losses, campaign.text_encoder is not None, campaign.zero_shot is not None)
    return recipe


def amendment_address(store: Store, amendment: Amendment) -> str:
    """Where an amendment is, for people."""
    return store.locate(amendment_key(amendment.number))
