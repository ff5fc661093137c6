"""What a recipe makes of the budget, the batch and the first query that the user asked for."""

from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings


def as_data_selection(settings: CampaignSettings, selection: DataSelection | None) -> CampaignSettings:
    """The settings of a data selection: all labels are known, and the budget is a batch a loop."""
    if selection is None:
        return settings
    if settings.initial not in (None, batch_of(settings)):
        raise ConfigurationError("Every loop of a data selection chooses --batch samples. Leave --initial out.")
    return settings.model_copy(
        update={"budget": selection.loops * batch_of(settings), "initial": None, "pool_labels": True}
    )


def as_single_shot(settings: CampaignSettings, recipe: Recipe) -> CampaignSettings:
    """The settings of a recipe whose first query takes the whole budget."""
    if not recipe.cold_start.single_shot:
        return settings
    if settings.initial not in (None, settings.budget):
        raise ConfigurationError(
            f"Recipe {recipe.name!r} chooses the whole budget of {settings.budget} at once (cold_start.single_shot). "
            "Leave --initial out."
        )
    return settings.model_copy(update={"initial": settings.budget})


def with_testing(settings: CampaignSettings, recipe: Recipe, testing: int) -> CampaignSettings:
    """The settings with so many labels of the budget to test with: a single query for all leaves room for these."""
    if not recipe.cold_start.single_shot:
        return settings
    return settings.model_copy(update={"initial": settings.budget - testing})


def with_batch(settings: CampaignSettings, recipe: Recipe, classes: list[str]) -> CampaignSettings:
    """The settings with their batch, as soon as that is known; where a recipe counts in classes, these must be."""
    if settings.batch is not None:
        return settings
    if recipe.batch_per_class is None:
        return settings.model_copy(update={"batch": _usual_batch(settings)})
    return settings.model_copy(update={"batch": recipe.batch_per_class * len(classes)}) if classes else settings


def _usual_batch(settings: CampaignSettings) -> int:
    return max(1, settings.budget // 10)


def batch_of(settings: CampaignSettings) -> int:
    """Labels a cycle, after `with_batch` has settled it."""
    assert settings.batch is not None
    return settings.batch


def initial_of(settings: CampaignSettings) -> int:
    """Labels of the first query."""
    return batch_of(settings) if settings.initial is None else settings.initial


def check_sizes(
    settings: CampaignSettings, recipe: Recipe, pool: int, testing: int = 0, known: int = 0, came_along: int = 0
) -> None:
    """Refuse queries that are larger than the pool or the budget.

    Args:
        settings: with their batch.
        recipe: the recipe.
        pool: samples that can be asked for to learn from.
        testing: samples that are asked for to test with.
        known: samples whose labels are known and are not asked for.
        came_along: so many of these are known because they came with the images.

    Raises:
        ConfigurationError: a query is, or is empty; the flag is named.
    """
    for flag, size in (("--batch", batch_of(settings)), ("--initial", initial_of(settings))):
        if size < 1:
            raise ConfigurationError(f"{flag} must be 1 or more; got {size}.")
        if size > pool and came_along:
            raise ConfigurationError(
                f"{flag} {size} is larger than what is left to ask for: {pool} of the pool, since the labels of "
                f"{came_along} came with the images and are known from the start. With --play-annotator these play "
                f"the annotator instead. Give it, or ask for {pool} or fewer."
            )
        if size > pool:
            usual = flag == "--batch" and size == _usual_batch(settings) and recipe.batch_per_class is None
            by_default = " (a tenth of --budget where nobody says)" if usual else ""
            raise ConfigurationError(_too_large(f"{flag} {size}{by_default}", pool, known))
        if size > settings.budget:
            raise ConfigurationError(f"{flag} {size} is larger than --budget {settings.budget}.")
    selection = recipe.data_selection
    if selection is not None and selection.earlier_picks == "labelled" and settings.budget > pool:
        raise ConfigurationError(
            f"{selection.loops} loops of --batch {batch_of(settings)} are {settings.budget} samples, more than the "
            f"pool's {pool}, and with data_selection.earlier_picks=labelled none is selected twice. Lower --batch."
        )
    if settings.budget > pool + testing and selection is None:
        most = pool + testing
        notice(f"The budget of {settings.budget} is larger than the pool: the campaign ends after {most} labels.")


def _too_large(asked: str, pool: int, known: int) -> str:
    """What is wrong with a query that is larger than the samples that can be asked for."""
    labels = "1 label is known" if known == 1 else f"{known} labels are known"
    if pool <= 0:
        why = f": {labels}" if known else ""
        return f"Nothing is left to ask for{why}. Add samples, or give fewer of the labels as known ones."
    if not known:
        return f"{asked} is larger than the pool of {pool} sample{'' if pool == 1 else 's'}. Ask for {pool} or fewer."
    left = "1 sample is" if pool == 1 else f"{pool} samples are"
    return f"{asked} is too large: {left} left to ask for; {labels}. Ask for {pool} or fewer."
