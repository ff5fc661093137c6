"""What a compiled pipeline was made for: a run that asks it for something else is refused before any work."""

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.components.core.logging.failures import report_failure
from labelcycle.components.core.storage import open_store


def check_package(root: str, shards: int, compiled_shards: int, features_stay: bool) -> None:
    """Refuse a run that the tasks of its package cannot do.

    Args:
        root: the campaign's folder or S3 prefix.
        shards: how many the run asks for.
        compiled_shards: how many the package has tasks for; 0 for any number.
        features_stay: whether the package lacks what campaigns need whose backbone changes.

    Raises:
        ConfigurationError: the package has tasks for another number of shards, or none for the campaign's recipe.
    """
    try:
        if compiled_shards and shards != compiled_shards:
            raise ConfigurationError(
                f"The run asks for {shards} shards, and this package has tasks for {compiled_shards}. "
                "Leave the parameter shards out, or run cycle_in_shards.yaml, which "
                "`labelcycle compile` writes for any number; `labelcycle submit --shards` compiles what it asks for."
            )
        if features_stay:
            recipe = read_amended_campaign(open_store(root)).campaign.recipe
            if recipe.changes_features:
                raise ConfigurationError(
                    f"This package was compiled for recipes that leave the backbone as it is, which recipe "
                    f"{recipe.name!r} of the campaign at {root} does not. Compile it with the campaign's recipe, or "
                    "without --recipe for any."
                )
    except LabelcycleError as error:
        report_failure(error)
        raise
