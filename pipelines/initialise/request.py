"""What the user asks for at `labelcycle init`, and what a recipe makes of it."""

from dataclasses import dataclass, field, replace
from typing import Any

from labelcycle.components.core.campaign.campaign import Precision
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.trainers import DataSelection
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice


@dataclass(frozen=True)
class Request:
    """What the user asked for; the flags of `labelcycle init`.

    A `batch` of None is what the recipe asks for a class, times the classes, or else a tenth of the budget.
    """

    root: str
    recipe: str
    budget: int
    batch: int | None = None
    images: str | None = None
    embeddings: str | None = None
    labels_from: str | None = None
    test: str | None = None
    val: str | None = None
    test_share: float = 0.1
    initial: int | None = None
    classes: list[str] = field(default_factory=list)
    name: str | None = None
    seed: int = 0
    backbone: str | None = None
    weights: str | None = None
    precision: Precision = "float32"
    image_size: int | None = None
    interpolation: str | None = None
    crop_share: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    exclude: str | None = None
    include: str | None = None
    groups: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    label_price: float = 1.0
    annotators_per_label: int = 1
    price_cpu_hour: float = 0.0
    price_gpu_hour: float = 0.0
    max_unreadable_share: float = 0.05
    pool_labels: bool = False
    captions: str | None = None
    caption_template: str | None = None
    domain: str | None = None
    text_encoder: str | None = None
    labelling: Labelling = Labelling()


def as_data_selection(request: Request, settings: DataSelection | None) -> Request:
    """The request of a data selection: all labels are known, and the budget is a batch a loop."""
    if settings is None:
        return request
    if request.initial not in (None, batch_of(request)):
        raise ConfigurationError("Every loop of a data selection chooses --batch samples. Leave --initial out.")
    return replace(request, budget=settings.loops * batch_of(request), initial=None, pool_labels=True)


def as_single_shot(request: Request, recipe: Recipe) -> Request:
    """The request of a recipe whose first query takes the whole budget."""
    if not recipe.cold_start.single_shot:
        return request
    if request.initial not in (None, request.budget):
        raise ConfigurationError(
            f"Recipe {recipe.name!r} chooses the whole budget of {request.budget} at once (cold_start.single_shot). "
            "Leave --initial out."
        )
    return replace(request, initial=request.budget)


def with_batch(request: Request, recipe: Recipe, classes: list[str]) -> Request:
    """The request with its batch, as soon as that is known; where a recipe counts in classes, these must be."""
    if request.batch is not None:
        return request
    if recipe.batch_per_class is None:
        return replace(request, batch=max(1, request.budget // 10))
    return replace(request, batch=recipe.batch_per_class * len(classes)) if classes else request


def wants_captions(request: Request) -> bool:
    """Whether the user said anything about captions."""
    return any((request.captions, request.caption_template, request.domain, request.text_encoder))


def batch_of(request: Request) -> int:
    """Labels a cycle, after `with_batch` has settled it."""
    assert request.batch is not None
    return request.batch


def initial_of(request: Request) -> int:
    """Labels of the first query."""
    return batch_of(request) if request.initial is None else request.initial


def check_sizes(request: Request, recipe: Recipe, pool: int) -> None:
    """Refuse queries that are larger than the pool or the budget.

    Args:
        request: with its batch.
        recipe: the recipe.
        pool: samples that can be asked for.

    Raises:
        ConfigurationError: a query is, or is empty; the flag is named.
    """
    for flag, size in (("--batch", batch_of(request)), ("--initial", initial_of(request))):
        if size < 1:
            raise ConfigurationError(f"{flag} must be 1 or more; got {size}.")
        if size > pool:
            raise ConfigurationError(
                f"{flag} {size} is larger than the pool of {pool} samples. Ask for {pool} or fewer."
            )
        if size > request.budget:
            raise ConfigurationError(f"{flag} {size} is larger than --budget {request.budget}.")
    if request.budget > pool and recipe.data_selection is None:
        notice(f"The budget of {request.budget} is larger than the pool: the campaign ends after {pool} labels.")
