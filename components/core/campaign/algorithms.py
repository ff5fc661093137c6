"""Which versions of its algorithms a cycle is made by, so that results of two versions are never mixed or compared.

The version of an algorithm is raised when the same inputs give another result. Earlier cycles keep theirs.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.decision import FIRST, Algorithm, Decision, Role
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.trainers import FineTuner
from labelcycle.components.core.errors import CampaignError

_STRATEGIES = "labelcycle.components.select.registry"
"""Where strategies register, those of other packages among them. Imported when asked for: core knows no stage."""


TRAINING_ALIGNED = "training_aligned"
"""What a commit calls the verdict by which features would have been recomputed, had the recipe `feature_alignment`."""


def algorithms_of(recipe: Recipe, action: str, asks: bool, previous: Mapping[str, Any]) -> dict[Role, Algorithm]:
    """The algorithms that a cycle of this labelcycle is made by.

    Args:
        recipe: the campaign's.
        action: what the cycle does: `cold_start`, `train` or `finalize`.
        asks: whether it asks for labels.
        previous: the objects of the commit before, by name.

    Raises:
        ConfigurationError: there is no such strategy.
    """
    if action == "cold_start":
        return {"cold_start": _strategy(recipe.cold_start.strategy)}
    if action == "finalize":
        return {"trainer": _trainer(final_trainer_of(recipe, previous)[1])}
    found: dict[Role, Algorithm] = {"trainer": _trainer(recipe.trainer)}
    if recipe.alignment is not None:
        found["alignment"] = _trainer(recipe.alignment.trainer)
    if asks:
        found["strategy"] = _strategy(recipe.selector.strategy)
    return found


def final_trainer_of(recipe: Recipe, previous: Mapping[str, Any]) -> tuple[str, FineTuner]:
    """What the recipe trains the final model with: `aligned` where features were recomputed on the way, else `trainer`.

    Where the recipe's alignment leaves features as they are, `aligned` once they would have been recomputed.

    Args:
        recipe: one with a final training.
        previous: the objects of the commit before, by name.

    Returns what the recipe calls these settings, `final.aligned` or `final.trainer`, and the settings.

    Source: ASVP, section 5 (LP-FT where no update was triggered, FT after one).
    """
    assert recipe.final is not None
    aligned = recipe.alignment is not None and ("backbone" in previous or TRAINING_ALIGNED in previous)
    if aligned and recipe.final.aligned is not None:
        return "final.aligned", recipe.final.aligned
    return "final.trainer", recipe.final.trainer


def made_by(decision: Decision, role: Role) -> int:
    """The version of the algorithm that a cycle is made by; the first where its decision records none."""
    recorded = decision.algorithms.get(role)
    return FIRST if recorded is None else recorded.version


def present(work: Attempt, role: Role) -> Algorithm | None:
    """The algorithm as this labelcycle has it; None where the attempt has none in that role."""
    decision = work.decision
    return algorithms_of(work.campaign.recipe, decision.action, decision.query_size > 0, decision.previous).get(role)


def refuse_other_versions(work: Attempt, *roles: Role) -> None:
    """See that a stage goes on with the versions that its attempt was begun for.

    Raises:
        CampaignError: this labelcycle has another version of an algorithm.
    """
    for role in roles:
        here, begun = present(work, role), made_by(work.decision, role)
        if here is not None and here.version != begun:
            raise CampaignError(
                f"Attempt {work.name} at cycle {work.cycle} of {work.store.root} was started with version {begun} of "
                f"{here.name}, and this labelcycle has version {here.version}. Run the cycle from its first stage, "
                "label_ingest: it starts another attempt. What is committed stays as it is."
            )


def _strategy(name: str) -> Algorithm:
    version: int = importlib.import_module(_STRATEGIES).registered(name).version
    return Algorithm(name=name, version=version)


def _trainer(settings: Any) -> Algorithm:
    return Algorithm(name=settings.name, version=settings.version)
