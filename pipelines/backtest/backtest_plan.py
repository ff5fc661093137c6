"""The plan of a backtest: which strategies, on what history, how many labels, and which arms that makes."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import Annotated, Any

from pydantic import AliasChoices, Field, ValidationError

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.decision import FIRST, Role
from labelcycle.components.core.config.query_choice import DropoutScorer, Parameter
from labelcycle.components.core.config.recipe import Schedule
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.config.trainers import FeatureTrainer
from labelcycle.components.core.digests import canonical_json, digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.select.registry import registered


class Chooser(Settings):
    """A strategy with its parameters."""

    strategy: str
    parameters: dict[str, Parameter] = {}

    @property
    def title(self) -> str:
        """As the user writes it: `entropy:class_balanced=true`."""
        given = [f"{name}={_as_text(value)}" for name, value in sorted(self.parameters.items())]
        return f"{self.strategy}:{','.join(given)}" if given else self.strategy


RANDOM = Chooser(strategy="random")
"""The yardstick of every backtest."""


class ComparedStrategy(Settings):
    """What is compared: how it chooses, how it begins, and whether it is given labels that nobody has paid for."""

    chooser: Chooser
    cold_start: Chooser = RANDOM
    sees_labels: bool = False


@dataclass(frozen=True)
class Arm:
    """One strategy with one seed; the name is that of its results, and the same for equal inputs alone."""

    name: str
    compared: ComparedStrategy
    seed: int

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.compared.chooser.title}, seed {self.seed}"


class BacktestPlan(Settings):
    """Everything that decides a backtest's results, and what its costs are reckoned from.

    Stored plans and the names of results call what is compared `contenders`, as they did in the first version.
    """

    source: str
    history: ObjectReference
    classes: list[str]
    compared: Annotated[
        list[ComparedStrategy],
        Field(validation_alias=AliasChoices("compared", "contenders"), serialization_alias="contenders"),
    ]
    seeds: Annotated[int, Field(ge=1)]
    initial: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    cycles: Annotated[int, Field(ge=2)]
    trainer: Annotated[FeatureTrainer, Field(discriminator="name")]
    schedule: Schedule
    scorer: DropoutScorer
    prices: Prices = Prices()

    @property
    def labels(self) -> list[int]:
        """How many labels each trained cycle has, (cycles,)."""
        return list(islice(self.schedule.labels_by_cycle(self.initial, self.batch), self.cycles))

    def arms(self) -> list[Arm]:
        """Every strategy with every seed, seed by seed, so that a backtest cut short has all strategies."""
        shared = self.model_dump(mode="json", exclude={"source", "compared", "seeds", "prices"})
        arms = []
        for seed in range(self.seeds):
            for compared in self.compared:
                content = compared.model_dump(mode="json")
                identity = {**shared, "contender": content, "seed": seed, "labelcycle": version("labelcycle")}
                if raised := self._raised_versions(compared):
                    identity["algorithms"] = raised
                name = f"{compared.chooser.strategy}-seed-{seed}-{digest_of_json(identity)[:12]}"
                arms.append(Arm(name, compared, seed))
        return arms

    def _raised_versions(self, compared: ComparedStrategy) -> dict[Role, int]:
        """By role, the versions of an arm's algorithms that are not the first: results of earlier ones are not kept."""
        versions: dict[Role, int] = {
            "cold_start": registered(compared.cold_start.strategy).version,
            "strategy": registered(compared.chooser.strategy).version,
            "trainer": self.trainer.version,
        }
        return {role: number for role, number in versions.items() if number != FIRST}


@dataclass(frozen=True)
class Measured:
    """One trained cycle of an arm. Seconds are the processor's: of training, and of choosing what was labelled last."""

    cycle: int
    labels: int
    accuracy: float
    macro_f1: float
    training_seconds: float
    selection_seconds: float


def write_plan(store: Store, plan: BacktestPlan) -> str:
    """Store the plan, and return the name that it is read by."""
    data = canonical_json(plan.model_dump(mode="json", by_alias=True))
    name = digest_of_bytes(data)[:16]
    store.write(_key(name), data)
    return name


def read_plan(store: Store, name: str) -> BacktestPlan:
    """The plan of that name.

    Raises:
        CampaignError: there is none, or it is damaged.
    """
    try:
        return BacktestPlan.model_validate_json(store.read(_key(name)))
    except FileNotFoundError as error:
        raise CampaignError(
            f"{store.locate(_key(name))} is missing. Start again with: labelcycle backtest …"
        ) from error
    except ValidationError as error:
        raise CampaignError(f"{store.locate(_key(name))} is not a plan. Delete it and start again.") from error


def _key(name: str) -> str:
    return f"plans/{name}.json"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
