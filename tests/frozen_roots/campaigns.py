"""The campaigns that are frozen: what each is begun with, and how far it is brought."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import CLASSES, Bench
from tests.frozen_roots.archives import BUCKET
from tests.frozen_roots.tiny_backbone import NAME

HEAD = {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
TUNED = {"trainer.epochs": 1, "trainer.batch_size": 8, "trainer.learning_rate": 1e-3}
BOTH_RATES = TUNED | {"trainer.head_learning_rate": 0.01}
ONCE = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "head_learning_rate": 0.01}
FINAL = {"final.trainer": {"name": "ft", **ONCE}}
ALIGNED = {"final.trainer": {"name": "lp_ft", "probe_epochs": 1, **ONCE}, "alignment.trainer": {"name": "ft", **ONCE}}
VECAF = {"trainer.batch_size": 4, "data_selection.total_batches": 24, "data_selection.measurements": 2}
VECAF_RATES = {"trainer.learning_rate": 1e-3, "trainer.head_learning_rate": 0.01}
ALL_BUT_LAST = 2
"""Cycles of the campaigns that are left with one more to run."""


@dataclass(frozen=True)
class Frozen:
    """A campaign to freeze.

    Attributes:
        recipe: its recipe.
        bring: brings it to where it is frozen.
        on: `vectors`, `unlabelled` vectors, `images` with the tiny backbone, or `embedded` for the packaged one.
        settings: of `labelcycle init`.
    """

    recipe: str
    bring: Callable[[Bench], None]
    on: str = "vectors"
    settings: dict[str, Any] = field(default_factory=dict)


def some_cycles(bench: Bench) -> None:
    """Two committed cycles, with labels of the budget left."""
    for _ in range(ALL_BUT_LAST):
        bench.run_cycle()


def spent(bench: Bench) -> None:
    """Until the budget is spent; champions are judged."""
    while not bench.state.commits or bench.state.phase != "done":
        bench.run_cycle()
    judge_new_cycles(open_store(bench.root), bench.state)


def finalized(bench: Bench) -> None:
    """Until the budget is spent, and the final model trained."""
    spent(bench)
    bench.run_cycle(finalize=True)


def begun(bench: Bench) -> None:
    """Nothing has run."""


def until_the_cold_query(bench: Bench) -> None:
    """The first query is chosen, and not committed."""
    bench.run_until("select")


def until_scored(bench: Bench) -> None:
    """One cycle is committed; the next has trained, measured and scored, and chosen nothing."""
    bench.run_cycle()
    bench.run_until("score")


def half_answered(bench: Bench) -> None:
    """One cycle is answered by two people each; of the next query the first two samples are, a third by one person."""
    bench.run_cycle()
    answer(bench, 0, lambda row: True)
    bench.run_cycle()
    answer(bench, 1, lambda row: int(row["rank"]) <= 2 or (row["rank"] == "3" and row["first"] == "yes"))


def unanswered(bench: Bench) -> None:
    """The first query is handed out, and nobody has answered."""
    bench.run_cycle()


def answer(bench: Bench, cycle: int, is_answered: Callable[[dict[str, str]], bool]) -> None:
    """Fill in rows of a CSV as people do; each sample's class is the beginning of its id.

    Args:
        bench: the campaign.
        cycle: whose query.
        is_answered: which of the rows; `first` is `yes` in the first row of each sample.
    """
    store = open_store(bench.root)
    rows = list(csv.DictReader(io.StringIO(store.read(delivery_key(cycle)).decode())))
    seen: set[str] = set()
    for row in rows:
        first = row["sample_id"] not in seen
        seen.add(row["sample_id"])
        if not row["label"] and is_answered({**row, "first": "yes" if first else "no"}):
            row["label"] = row["sample_id"].partition("-")[0].partition("/")[0]
            if "annotator" in row:
                row["annotator"] = "ada" if first else "ben"
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    store.write(delivery_key(cycle), text.getvalue().encode())


CREW = {"quorum": 2, "annotators_per_label": 1, "consensus": "crowdlab", "second_opinions": 0.25}

CAMPAIGNS = {
    "begun": Frozen("linear_probe", begun),
    "linear_probe": Frozen("linear_probe", some_cycles, settings={"overrides": HEAD}),
    "margin": Frozen("margin", some_cycles, settings={"overrides": HEAD}),
    "badge": Frozen("badge", some_cycles, settings={"overrides": HEAD}),
    "typiclust": Frozen("typiclust", some_cycles, settings={"overrides": HEAD}),
    "random": Frozen("random", some_cycles, settings={"overrides": HEAD}),
    "dropquery": Frozen("dropquery", some_cycles, settings={"overrides": {"trainer.epochs": 40}}),
    "finished": Frozen("linear_probe", spent, settings={"overrides": HEAD}),
    "mid_cold_start": Frozen("typiclust", until_the_cold_query, settings={"overrides": HEAD}),
    "mid_cycle": Frozen("dropquery", until_scored, settings={"overrides": {"trainer.epochs": 40}}),
    "people": Frozen("linear_probe", half_answered, "unlabelled", {"overrides": HEAD, **CREW, "batch": 4}),
    "waiting": Frozen("linear_probe", unanswered, "unlabelled", {"overrides": HEAD, "classes": CLASSES}),
    "vecaf_linear": Frozen("vecaf_linear", some_cycles, settings={"overrides": VECAF, "batch": 4}),
    "vecaf": Frozen("vecaf", some_cycles, "images", {"overrides": VECAF | VECAF_RATES, "batch": 4}),
    "images": Frozen("linear_probe", some_cycles, "embedded", {"overrides": HEAD}),
    "mid_lora": Frozen("peal_entropy", until_scored, "images", {"overrides": TUNED | {"trainer.rank": 2}}),
    "peal_featdist": Frozen("peal_featdist", spent, "images", {"overrides": TUNED | {"trainer.rank": 2}}),
    "standard_ft": Frozen("standard_ft", spent, "images", {"overrides": BOTH_RATES}),
    "activeft": Frozen("activeft", spent, "images", {"overrides": BOTH_RATES}),
    "svpp": Frozen("svpp", finalized, "images", {"overrides": HEAD | FINAL}),
    "asvp": Frozen("asvp", finalized, "images", {"overrides": HEAD | ALIGNED}),
}
"""Every campaign to freeze, by name."""


def begin(name: str, root: str, vectors: dict[str, Path], text_encoder: Path) -> Bench:
    """Begin the campaign called `name` at `root`.

    Args:
        name: one of `CAMPAIGNS`.
        root: where.
        vectors: files of embeddings: `vectors` with all labels, `unlabelled` with those of the test set alone.
        text_encoder: a folder, for the recipes that read captions.
    """
    frozen = CAMPAIGNS[name]
    settings = {"budget": 24, "batch": 8, **frozen.settings}
    if frozen.on in vectors:
        settings["embeddings"] = str(vectors[frozen.on])
    else:
        inputs = f"s3://{BUCKET}/inputs"
        settings |= {"images": f"{inputs}/images", "labels_from": f"{inputs}/labels.csv", "test": f"{inputs}/test.csv"}
        if frozen.on == "images":
            settings |= {"backbone": NAME, "weights": f"{inputs}/{NAME}.safetensors"}
    if "vecaf" in frozen.recipe:
        settings["text_encoder"] = str(text_encoder)
    begin_campaign(root, CampaignSettings(recipe=frozen.recipe, name=name.replace("_", "-"), **settings))
    return Bench(root)
