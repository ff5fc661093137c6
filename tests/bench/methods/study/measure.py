"""How rows are measured: a data selection in memory on features, or a campaign on images, in this process."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.trainers import FeatureTrainer, LinearTrainer, LogisticTrainer
from labelcycle.components.core.digests import digest_of_file
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, read_record
from labelcycle.pipelines.backtest.backtest_plan import Arm as BacktestArm
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan, Chooser, ComparedStrategy
from labelcycle.pipelines.backtest.labelled_history import Labelled, LabelledHistory, history_from_embeddings
from labelcycle.pipelines.backtest.simulate import simulate
from labelcycle.pipelines.data_selection.batches_to_accuracy import read_batch_curve
from labelcycle.pipelines.data_selection.simulate_loops import LabelledPool, SelectionArm, simulate_selection
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.bench.long_tails import Method, campaign, long_tail
from tests.bench.methods.campaign import run_campaign
from tests.bench.methods.images import Images, unpack
from tests.bench.methods.study.cycle_copies import copy_until
from tests.bench.methods.study.feature_sets import FeatureSet
from tests.bench.methods.study.jobs import Job
from tests.bench.methods.vecaf import read_pool
from tests.bench.methods.weather import accuracy_on, under_weather


@dataclass(frozen=True)
class Data:
    """Where everything is.

    Attributes:
        features: npz of features, for selections in memory; None for none.
        archive: tar file of images, one folder a class; None for none. Where rows are only printed, `sha256:` and the
            digest may stand in the place of any file.
        weights: safetensors of the backbone.
        backbone: its timm name.
        encoder: of captions: a folder, or a package that carries one.
        out: folder for images and campaigns.
        sets: further sets of features, for DropQuery's tables.
    """

    features: Path | None
    archive: Path | None
    weights: Path | None
    backbone: str
    encoder: str
    out: Path
    sets: Sequence[FeatureSet] = ()

    @property
    def of_features(self) -> dict[str, Any]:
        """What decides a selection's row beside the job's own settings."""
        assert self.features is not None
        return {"features": _digest(self.features), "encoder": self.encoder}

    @property
    def of_images(self) -> dict[str, Any]:
        """What decides a campaign's row beside the job's own settings: a GPU too, which rounds otherwise."""
        assert self.archive is not None and self.weights is not None
        device = {"device": "cuda"} if torch.cuda.is_available() else {}
        made_of = {"archive": _digest(self.archive), "weights": _digest(self.weights), "backbone": self.backbone}
        return made_of | device

    def features_of(self, name: str | None) -> Path:
        """The features of one of the sets, which are made if need be; without a name, the file of features."""
        if name is not None:
            return next(found for found in self.sets if found.name == name).path(self.out)
        assert self.features is not None
        return self.features

    def images(self, pool: int, test: int) -> Images:
        """A part of the archive, unpacked once."""
        assert self.archive is not None
        folder = self.out / f"images-{_digest(self.archive)[:8]}-{pool}-{test}"
        return unpack(self.archive, folder, pool, test, seed=0)


DIGEST = "sha256:"


@cache
def _digest(path: Path) -> str:
    """Of a file, or the one that stands in its place where rows are only printed."""
    return str(path).removeprefix(DIGEST) if str(path).startswith(DIGEST) else digest_of_file(path)


@cache
def _pool(features: Path, encoder: str, size: int) -> LabelledPool:
    return read_pool(features, encoder, size)


@cache
def _history(features: Path, size: int) -> LabelledHistory:
    """The samples of a file, the pool cut down to `size` of them, drawn at random; 0 for all."""
    history = history_from_embeddings(str(features))
    pool = history.pool
    rows = np.sort(np.random.default_rng(0).permutation(len(pool))[: size or len(pool)])
    return replace(history, pool=Labelled(pool.ids[rows], pool.features[rows], pool.classes[rows]))


def measure(job: Job, data: Data) -> Mapping[str, Any]:
    """The figures of a job."""
    kinds = {"selection": _selection, "backtest": _backtest, "long tail": _long_tail, "campaign": _campaign}
    return kinds[job.kind](job, data)


def _backtest(job: Job, data: Data) -> dict[str, Any]:
    """Accuracy by labels, of as many labels a cycle as there are classes: `curve`, as [labels, accuracy]."""
    features = data.features_of(job.more.get("set"))
    recipe, history = job.whole_recipe(), _history(features, job.more["pool"])
    assert isinstance(recipe.trainer, FeatureTrainer)
    count = len(history.classes)
    compared = ComparedStrategy(
        chooser=Chooser(strategy=recipe.selector.strategy, parameters=recipe.selector.arguments),
        cold_start=Chooser(strategy=recipe.cold_start.strategy, parameters=recipe.cold_start.arguments),
    )
    plan = BacktestPlan(
        source=history.source,
        history=ObjectReference(key="in memory", sha256="0" * 64),
        classes=history.classes,
        compared=[compared],
        seeds=1,
        initial=count,
        batch=count,
        cycles=min(job.more["cycles"], len(history.pool) // count),
        trainer=recipe.trainer,
        schedule=recipe.schedule,
        scorer=recipe.scorer if isinstance(recipe.scorer, DropoutScorer) else DropoutScorer(),
    )
    measured = simulate(history, plan, BacktestArm("row", compared, job.seed))
    return {"curve": [[one.labels, one.accuracy] for one in measured]}


def _long_tail(job: Job, data: Data) -> dict[str, Any]:
    """By cycle: `labels`, `macro_f1`, and labels of the `rarest` class and of the `three_rarest`."""
    assert data.features is not None
    recipe = job.whole_recipe()
    assert isinstance(recipe.trainer, LogisticTrainer)
    chosen = recipe.selector
    method = Method(job.arm, chosen.strategy, chosen.class_balanced, chosen.rare_classes, recipe.trainer.class_weight)
    history, order = long_tail(str(data.features), job.more["ratio"], job.seed)
    points = campaign(history, order, method, recipe, job.seed)
    return {
        name: [getattr(point, name) for point in points] for name in ("labels", "macro_f1", "rarest", "three_rarest")
    }


def _selection(job: Job, data: Data) -> dict[str, Any]:
    """Accuracy after so many batches: `points`, as [batches, accuracy]."""
    assert data.features is not None
    recipe, pool = job.whole_recipe(), _pool(data.features, data.encoder, job.more["pool"])
    assert recipe.data_selection is not None and isinstance(recipe.trainer, LinearTrainer)
    selected = round(job.more["share"] * len(pool.ids))
    arm = SelectionArm(
        recipe.selector.strategy,
        selected,
        recipe.data_selection,
        recipe.trainer,
        recipe.selector.arguments,
        recipe.cold_start.strategy,
        recipe.cold_start.arguments,
    )
    points = simulate_selection(pool, arm, job.seed).points
    return {"points": [[point.batches, point.figures["accuracy"]] for point in points]}


def _campaign(job: Job, data: Data) -> dict[str, Any]:
    """The figures of a campaign, which goes on where it was stopped.

    `curve` and `finals` are lists of [labels, accuracy, core seconds until then] of the cycles' own models, and of
    final models from the labels of the cycles in `more["finals"]`; `weather` is accuracy by kind of copies.
    """
    more, root = job.more, data.out / "campaigns" / job.digest
    images = data.images(more["pool"], more["test"])
    begin = {
        "images": str(images.folder),
        "labels_from": str(images.labels),
        "test": str(images.test),
        "backbone": data.backbone,
        "weights": str(data.weights),
        "image_size": more["image_size"],
        "crop_share": 1.0,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "recipe": job.recipe,
        "overrides": dict(job.overrides),
        "seed": job.seed,
        **more["begin"],
    }
    if more.get("validation"):
        begin["val"] = str(_validation(images, more["validation"]))
    begin_campaign(str(root), CampaignSettings(**begin))
    run_campaign(str(root), None, finalize=False)
    store = open_store(str(root))
    state = read_state(store)
    curve, seconds = _curve(store, state)
    finals = [_final(root, cycle, curve) for cycle in more.get("finals", ()) if cycle < len(state.commits)]
    figures: dict[str, Any] = {
        "curve": curve,
        "finals": [final for final in finals if final is not None],
        "cpu_seconds": seconds,
        **_of_last_cycle(store, state),
    }
    if job.whole_recipe().data_selection is not None:
        found = read_batch_curve(str(root)).points
        figures["points"] = [[point.batches, point.figures["accuracy"]] for point in found]
    for kind in more.get("weather", ()):
        copies = under_weather(images, images.folder.parent / kind, kind)
        figures.setdefault("weather", {})[kind] = accuracy_on(str(root), copies)
    return figures


def _validation(images: Images, count: int) -> Path:
    """The labels of the first so many of the pool's images, which then validate and are not asked for."""
    file = images.labels.with_name(f"val-{count}.csv")
    lines = images.labels.read_text(encoding="utf-8").splitlines()
    step = max(1, (len(lines) - 1) // count)
    file.write_text("\n".join([lines[0], *lines[1::step][:count]]) + "\n", encoding="utf-8")
    return file


def _curve(store: Store, state: State) -> tuple[list[list[float]], float]:
    """Points of the cycles' own models, and the core seconds of all cycles."""
    points, seconds = [], 0.0
    for summary in state.summaries:
        seconds += sum(timing.cpu_seconds for timing in read_timings(store, summary.cycle))
        if summary.accuracy is not None and not summary.final:
            points.append([summary.labels, summary.accuracy, seconds])
    return points, seconds


def _final(root: Path, cycle: int, curve: list[list[float]]) -> list[float] | None:
    """The point of a final model from the labels of a cycle, trained in a copy that is then thrown away."""
    copy = copy_until(root, cycle)
    run_campaign(str(copy), 0, finalize=True)
    store = open_store(str(copy))
    state = read_state(store)
    final, last = state.final, state.commits[-1].cycle
    taken = sum(timing.cpu_seconds for timing in read_timings(store, last))
    shutil.rmtree(copy)
    if final is None or final.accuracy is None:
        return None
    before = [seconds for labels, _, seconds in curve if labels <= final.labels]
    return [final.labels, final.accuracy, (before[-1] if before else 0.0) + taken]


def _of_last_cycle(store: Store, state: State) -> dict[str, Any]:
    """The share that was trained, how wrong queries were, and at how many labels features were recomputed."""
    metrics = [
        read_record(store, commit.objects["metrics"], CycleMetrics)
        for commit in state.commits
        if "metrics" in commit.objects
    ]
    queries = [found.previous_query for found in metrics]
    return {
        "trainable_share": metrics[-1].training.trainable_share,
        "unknown": [query.unknown for query in queries if query is not None],
        "known": [query.known for query in queries if query is not None],
        "updates": [found.labels for found in metrics if found.alignment is not None and found.alignment.update],
    }
