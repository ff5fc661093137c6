"""The campaign's description as it began, `campaign.json`, which never changes; `amendments` say what did since."""

import json
import shlex
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, PrivateAttr, ValidationError, model_validator

from labelcycle.components.core.config.embedding import Pooling, TextEncoder
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.config.notify import Notify
from labelcycle.components.core.config.recipe import Recipe, describe
from labelcycle.components.core.config.settings import OF_A_LATER_VERSION, Later, Settings, knows_less
from labelcycle.components.core.config.zero_shot import ZeroShot
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, sealed, unsealed

SCHEMA_VERSION = 1
KEY = "campaign.json"
SECONDS_AN_HOUR = 3600


Deviation = Annotated[float, Field(gt=0)]


Precision = Literal["float32", "bfloat16"]


CropMode = Literal["center", "squash"]
"""What becomes of images that are not square, by timm's names: the centre is cut out, or both sides are made equal."""


class Transform(Settings):
    """How an image becomes the backbone's input: resize the short side to image_size / crop_share, crop, normalise.

    With the crop mode `squash` both sides are resized to that, whatever the image's shape.
    """

    image_size: Annotated[int, Field(ge=8)]
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"]
    crop_share: Annotated[float, Field(gt=0, le=1)]
    mean: tuple[float, float, float]
    std: tuple[Deviation, Deviation, Deviation]
    crop_mode: Annotated[CropMode, Later("center")] = "center"


class Backbone(Settings):
    """Which network makes the features, down to the bytes of its weights.

    Attributes:
        width: numbers in a feature vector, twice those in a token where two are joined.
        pooling: how tokens become a vector. Not written where the network does it by itself: descriptions and names of
            feature spaces stay those that they were before there was a choice.
    """

    name: str
    weights: ObjectReference
    transform: Transform
    width: Annotated[int, Field(ge=1)]
    precision: Precision = "float32"
    pooling: Annotated[Pooling, Later("network")] = "network"


class Prices(Settings):
    """What labels and computing cost, in the campaign's own currency.

    Attributes:
        label: of one annotation.
        annotators_per_label: annotations paid for a label.
        cpu_hour: of an hour of one processor core at work.
        gpu_hour: of an hour of a run that computes on a GPU, beside that of the cores.
    """

    label: Annotated[float, Field(ge=0)] = 1.0
    annotators_per_label: Annotated[int, Field(ge=1)] = 1
    cpu_hour: Annotated[float, Field(ge=0)] = 0.0
    gpu_hour: Annotated[float, Field(ge=0)] = 0.0

    def of_labels(self, answers: float) -> float:
        """The price of so many answers; skipped and unsure ones cost as well."""
        return answers * self.label * self.annotators_per_label

    @property
    def computing_costs(self) -> bool:
        """Whether computing has a price."""
        return self.cpu_hour > 0 or self.gpu_hour > 0

    def of_computing(self, cpu_seconds: float, gpu_seconds: float = 0.0) -> float:
        """The price of so many seconds of processor cores and of GPUs."""
        return (cpu_seconds * self.cpu_hour + gpu_seconds * self.gpu_hour) / SECONDS_AN_HOUR


def _distinct_classes(classes: list[str]) -> list[str]:
    seen: set[str] = set()
    for name in classes:
        if not name or name != name.strip():
            raise ValueError(f"class {name!r} is empty or has spaces around it")
        if name in seen:
            raise ValueError(f"class {name!r} is listed more than once")
        seen.add(name)
    return classes


class KnownLabels(Settings):
    """Labels of the pool that the campaign begins with.

    Attributes:
        table: rows of `TRUTH`.
        in_budget: whether they count in the budget and are paid for, as if they had been asked for.
    """

    table: ObjectReference
    in_budget: bool = False


class Campaign(Settings):
    """Everything that stays the same for the whole campaign, but for what people amend.

    Attributes:
        test_from_budget: test samples whose labels people give: all of the pool's table, in the split `test`. The first
            query asks for them, and the budget pays. 0 where the test set is known, or there is none.
        withdrawn: the samples that people took out (`withdrawn`); None where there are none.
        watch_images: the folder or prefix whose new images join at each cycle; None for none.
        former_classes: the class that answers under a name count as which is none any more, since it was renamed or
            merged with others.
        zero_shot: what the names of the classes say; None where the campaign does not begin from them.
    """

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    classes: Annotated[list[str], Field(min_length=2), AfterValidator(_distinct_classes)]
    recipe: Recipe
    budget: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    initial: Annotated[int, Field(ge=1)]
    seed: int
    prices: Prices = Prices()
    backbone: Backbone | None
    base_space: str
    pool: ObjectReference
    truth: ObjectReference
    quarantine: ObjectReference
    labels_from: str | None
    labelling: Labelling = Labelling()
    max_unreadable_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    text_encoder: TextEncoder | None = None
    known_labels: Annotated[KnownLabels | None, Later(None)] = None
    test_from_budget: Annotated[int, Field(ge=0), Later(0)] = 0
    notify: Annotated[Notify | None, Later(None)] = None
    withdrawn: Annotated[ObjectReference | None, Later(None)] = None
    watch_images: Annotated[str | None, Later(None)] = None
    former_classes: Annotated[dict[str, str], Later({})] = {}
    zero_shot: Annotated[ZeroShot | None, Later(None)] = None
    _begun_as: str = PrivateAttr("")
    _begun_with: list[str] = PrivateAttr(default_factory=list)

    @property
    def identifier(self) -> str:
        """The name and a digest of the whole description as the campaign began: unique to this campaign."""
        return self._begun_as or f"{self.name}-{digest_of_bytes(self.as_bytes())[:8]}"

    @property
    def is_amended(self) -> bool:
        """Whether anything was amended since it began."""
        return self._begun_as != ""

    def amended(self, changes: Mapping[str, JsonValue]) -> Self:
        """The same campaign with other values in its description, each as a whole.

        Raises:
            ValueError: they make no campaign, or take a class away so that answers under its name count as nothing.
        """
        changed = self.model_validate({**self.model_dump(mode="json"), **changes})
        if lost := set(self.understood_classes).difference(changed.understood_classes):
            raise ValueError(f"{min(lost)!r} is neither a class any more nor counts as one")
        changed._begun_as = self.identifier
        changed._begun_with = self._begun_with or self.classes
        return changed

    @model_validator(mode="after")
    def _former_are_of_classes(self) -> Self:
        for former, name in self.former_classes.items():
            if former in self.classes or name not in self.classes:
                raise ValueError(f"{former!r} cannot count as {name!r} among these classes")
        return self

    @model_validator(mode="after")
    def _texts_are_of_classes(self) -> Self:
        if self.zero_shot is not None and self.zero_shot.classes != self.classes:
            raise ValueError(f"zero_shot has the texts of other classes: {', '.join(self.zero_shot.classes)}")
        return self

    def class_of(self, name: str) -> str:
        """The class that answers under a name count as: another one where it was renamed or merged."""
        return self.former_classes.get(name, name)

    @property
    def understood_classes(self) -> list[str]:
        """The classes, and the names that they had before."""
        return [*self.classes, *self.former_classes]

    @property
    def added_classes(self) -> list[str]:
        """Classes that no class which the campaign began with has become."""
        grown = {self.class_of(name) for name in self._begun_with or self.classes}
        return [name for name in self.classes if name not in grown]

    def as_bytes(self) -> bytes:
        """The content of `campaign.json`."""
        return sealed(self.model_dump(mode="json"))

    def query_size(self, asked: int, first: bool = False) -> int:
        """How many samples to ask for next: a batch, within what is left of the budget.

        Args:
            asked: how many of the budget have been asked for.
            first: whether it is the first query, which asks for the samples to test with too.
        """
        batch = self.recipe.schedule.batch_at(asked, self.batch)
        wanted = (self.initial if asked == 0 else batch) + (self.test_from_budget if first else 0)
        return max(0, min(wanted, self.budget - asked))


TAKEN = "Continue it with labelcycle run, change it with labelcycle amend, or choose another root."
"""What to do where a root has a campaign already."""


def create_campaign(store: Store, campaign: Campaign) -> bool:
    """Write `campaign.json`, once. Returns whether this call created it; the same campaign twice is no error.

    Raises:
        CampaignError: the root holds another campaign.
    """
    if store.write_if_absent(KEY, campaign.as_bytes()):
        return True
    existing = load_campaign(store)
    if existing != campaign:
        raise CampaignError(
            f"{store.root} already belongs to campaign {existing.identifier!r}, whose settings or data differ. {TAKEN}"
        )
    return False


def load_campaign(store: Store) -> Campaign:
    """The campaign at the store's root, as it began.

    Raises:
        CampaignError: none there, damaged, or written by a newer labelcycle.
    """
    try:
        data = store.read(KEY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CampaignError(
            f"No campaign at {store.root}. Create one with: labelcycle init {shlex.quote(store.root)} …"
        ) from error
    address = store.locate(KEY)
    _refuse_newer(data, address)
    try:
        return Campaign.model_validate(unsealed(data, address, "a campaign description"))
    except ValidationError as error:
        remedy = f"\n{OF_A_LATER_VERSION}" if knows_less(error) else ""
        raise CampaignError(f"{address} is not a campaign description:\n{describe(error)}{remedy}") from error


def _refuse_newer(data: bytes, address: str) -> None:
    """What a newer labelcycle writes need not be what this one can check, so its version is looked at first."""
    try:
        version = json.loads(data)["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise CampaignError(
            f"{address} has schema version {version}; this labelcycle reads up to {SCHEMA_VERSION}. Upgrade labelcycle."
        )


def validated_campaign(**settings: object) -> Campaign:
    """A campaign from settings given by the user.

    Raises:
        ConfigurationError: a setting is refused; each is named.
    """
    try:
        return Campaign.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(f"The campaign's settings are invalid:\n{describe(error)}") from error
