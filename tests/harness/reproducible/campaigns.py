"""The campaigns that are run under one circumstance after another: all recipes, and strategies that none has."""

from dataclasses import dataclass, field
from typing import Any

from labelcycle.pipelines.initialise.begin import CampaignSettings
from tests.harness.reproducible.data import CLASSES, Data

RATES = {"learning_rate": 1e-3, "head_learning_rate": 0.01}
TUNING = {"name": "ft", "epochs": 3, "batch_size": 32, **RATES}


@dataclass(frozen=True)
class Course:
    """A campaign from `labelcycle init` to its end.

    Attributes:
        name: the recipe's, with the strategy where that is not the recipe's own.
        recipe: the recipe's.
        on: `images` or `vectors`.
        overrides: settings of the recipe.
        batch: labels a cycle.
        cycles: trained cycles.
        finalize: whether a final model is trained.
        more: other settings of `labelcycle init`.
    """

    name: str
    recipe: str
    on: str = "vectors"
    overrides: dict[str, Any] = field(default_factory=dict)
    batch: int = 40
    cycles: int = 2
    finalize: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def request(self, data: Data) -> CampaignSettings:
        """What `labelcycle init` is asked for."""
        settings: dict[str, Any] = {"embeddings": str(data.embeddings)}
        if self.on == "images":
            settings = {"images": str(data.images), "labels_from": str(data.labels), "test": str(data.test)}
        if self.recipe.startswith("vecaf"):
            settings |= {"text_encoder": str(data.text_encoder), "pool_labels": True}
        else:
            settings["budget"] = self.batch * self.cycles
        return CampaignSettings(
            **{
                "recipe": self.recipe,
                "name": "reproducible",
                "budget": self.batch,
                "batch": self.batch,
                "classes": list(CLASSES),
                "overrides": self.overrides,
                **settings,
                **self.more,
            }
        )


def _strategy(name: str, recipe: str = "linear_probe") -> Course:
    return Course(f"{recipe} with {name}", recipe, overrides={"selector.strategy": name})


SELECTION = {
    "trainer.batch_size": 16,
    "data_selection.loops": 2,
    "data_selection.total_batches": 24,
}

COURSES = (
    Course("linear_probe", "linear_probe"),
    Course("linear_probe on images", "linear_probe", on="images"),
    Course("dropquery", "dropquery"),
    Course("margin", "margin"),
    Course("bald", "bald"),
    Course("badge", "badge"),
    Course("coreset", "coreset"),
    Course("typiclust", "typiclust"),
    Course("probcover", "probcover"),
    Course("alfamix", "alfamix"),
    Course("random", "random"),
    _strategy("confidence"),
    _strategy("kmeans"),
    _strategy("learnloss"),
    _strategy("tavaal"),
    Course("svpp", "svpp", on="images", overrides={"final.trainer": TUNING}, finalize=True),
    Course(
        "asvp",
        "asvp",
        on="images",
        overrides={
            "alignment.threshold": 0.001,
            "alignment.trainer": TUNING,
            "final.trainer": {**TUNING, "name": "lp_ft", "probe_epochs": 5, "probe_learning_rate": 0.01},
            "final.aligned": TUNING,
        },
        finalize=True,
    ),
    Course("peal_entropy", "peal_entropy", on="images", overrides={"trainer.epochs": 4}),
    Course("peal_featdist", "peal_featdist", on="images", overrides={"trainer.epochs": 4}),
    Course("standard_ft", "standard_ft", on="images", overrides={"trainer": TUNING}),
    Course(
        "standard_lp_ft",
        "standard_lp_ft",
        on="images",
        overrides={"trainer": {**TUNING, "name": "lp_ft", "probe_epochs": 5, "probe_learning_rate": 0.01}},
    ),
    Course("activeft", "activeft", on="images", overrides={"trainer": TUNING}, cycles=1),
    Course("activeft_al", "activeft_al", on="images", overrides={"trainer": TUNING}),
    Course(
        "vecaf",
        "vecaf",
        on="images",
        overrides={**SELECTION, "trainer.learning_rate": 1e-3, "trainer.head_learning_rate": 0.01},
    ),
    Course("vecaf_linear", "vecaf_linear", overrides={**SELECTION, "data_selection.measurements": 2}),
)


QUICK = (
    Course("quick linear", "linear_probe", overrides={"trainer.epochs": 10}, batch=24),
    Course("quick LoRA", "peal_entropy", on="images", overrides={"trainer.epochs": 1}, batch=12),
    Course("quick fine-tuning", "standard_ft", on="images", overrides={"trainer": TUNING}, batch=12, cycles=1),
)
"""A share that a test has time for."""


def course(name: str) -> Course:
    """The one of that name."""
    return next(one for one in (*COURSES, *QUICK) if one.name == name)
