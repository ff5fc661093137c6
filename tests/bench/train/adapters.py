"""LoRA training: our trainer against the plain loop, on the same images from disk, from the same start."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import Precision
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.train_adapter.adapters import adapter_files
from labelcycle.components.train_adapter.checkpoints import NAME as CHECKPOINT
from labelcycle.components.train_adapter.fit import seed_everything
from labelcycle.components.train_adapter.lora import begin as begin_training
from labelcycle.components.train_adapter.lora import train_lora
from labelcycle.components.train_adapter.training_images import campaign_backbone
from tests.bench.train import peer

TARGETS = {"all": 1.3, "last:3": 3.0}
"""How many times as fast as the plain loop training is meant to be."""


def labelled_campaign(
    folder: Path, root: Path, backbone: str, weights: Path, count: int, precision: Precision
) -> Attempt:
    """A campaign on the images of `folder`, whose first query asked for `count` of them and was answered."""
    from labelcycle.components.embed.stage import run as embed
    from labelcycle.components.label_ingest.stage import run as ingest
    from labelcycle.components.publish.stage import run as publish
    from labelcycle.components.select.stage import run as select
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    begin_campaign(
        str(root),
        CampaignSettings(
            recipe="peal_entropy",
            budget=count,
            batch=count,
            images=str(folder / "images"),
            labels_from=str(folder / "labels.csv"),
            test=str(folder / "test.csv"),
            backbone=backbone,
            weights=str(weights),
            precision=precision,
        ),
    )
    started = ingest(str(root))
    embed(str(root), started.cycle, started.attempt, "base")
    select(str(root), started.cycle, started.attempt)
    publish(str(root), started.cycle, started.attempt)
    started = ingest(str(root))
    return open_attempt(str(root), started.cycle, started.attempt)


def same_start(work: Attempt, trainer: LoraTrainer, folder: Path) -> peer.Start:
    """What `train_lora` begins with, for the plain loop."""
    backbone = campaign_backbone(work)
    seed_everything(seed_for(work.campaign.seed, work.cycle, "train"))
    adapted, head = begin_training(work, backbone, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in adapter_files(adapted).items():
        (folder / name).write_bytes(data)
    torch.use_deterministic_algorithms(False)
    weights = folder / "backbone.safetensors"
    weights.write_bytes(work.store.read(backbone.weights.key))
    return peer.Start(backbone.name, weights, backbone.transform, folder, head.state_dict(), backbone.precision)


def timed(work: Attempt, trainer: LoraTrainer, scratch: Path, repeats: int) -> dict[str, Any]:
    """Both trainings in turn: images a second from files to trained model, and the losses of the last epoch.

    The fastest of `repeats` runs of each counts.
    """
    labelled = work.labelled()
    pool = load_pool(work.store, work.campaign)
    uris = dict(zip(pool["sample_id"].to_pylist(), pool["uri"].to_pylist(), strict=True))
    files = [Path(uris[name].removeprefix("file://")) for name in labelled]
    targets = [work.campaign.classes.index(label) for label in labelled.values()]
    start = same_start(work, trainer, scratch)
    seed = seed_for(work.campaign.seed, work.cycle, "train")
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    losses: dict[str, float] = {}
    cores = len(os.sched_getaffinity(0))
    for _ in range(repeats):
        (Path(work.store.root) / work.key(CHECKPOINT)).unlink(missing_ok=True)
        torch.set_num_threads(cores)
        began = time.perf_counter()
        losses["ours"] = train_lora(work, trainer, labelled, {}).fitted.loss
        seconds["ours"].append(time.perf_counter() - began)
        torch.use_deterministic_algorithms(False)
        torch.manual_seed(seed)
        began = time.perf_counter()
        losses["peer"] = peer.train(start, files, targets, trainer, len(work.campaign.classes), seed)
        seconds["peer"].append(time.perf_counter() - began)
    done = len(files) * trainer.epochs
    return {name: done / min(values) for name, values in seconds.items()} | {"losses": losses}


def compare(table: Table, work: Attempt, only: str | None, epochs: int, repeats: int, scratch: Path) -> None:
    """Throughput with the paper's settings, for all blocks and for the last three, or for `only` one of these."""
    for blocks, target in TARGETS.items():
        if only not in (None, blocks):
            continue
        trainer = LoraTrainer(epochs=epochs, blocks=blocks)
        found = timed(work, trainer, scratch / blocks.replace(":", "-"), repeats)
        what = f"LoRA, blocks {blocks}, {epochs} epochs of {len(work.labelled())} images"
        table.add_row(
            what,
            f"{found['ours']:.1f} images/s",
            f"{found['peer']:.1f} images/s",
            f"{found['ours'] / found['peer']:.2f} (≥ {target})",
        )


def agree(table: Table, work: Attempt, epochs: int, scratch: Path) -> None:
    """The losses of both after some epochs, without dropout, from the same start and in the same order of batches."""
    for blocks in TARGETS:
        trainer = LoraTrainer(epochs=epochs, blocks=blocks, dropout=0.0, lora_dropout=0.0)
        losses = timed(work, trainer, scratch / f"agree-{blocks.replace(':', '-')}", 1)["losses"]
        table.add_row(
            f"loss of epoch {epochs} without dropout, blocks {blocks}",
            f"{losses['ours']:.6f}",
            f"{losses['peer']:.6f}",
            f"differs by {abs(losses['ours'] / losses['peer'] - 1):.1e}",
        )
