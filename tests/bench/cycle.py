"""`make bench-cycle`: how fast embedding is against the bare network, how small, and what a cycle costs around it.

Every ratio compares two measurements of this one run. Images are made up (smooth colours and noise, JPEG), because
throughput does not depend on what they show; weights are random for the same reason.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

BATCH = 64
IMPORTS = [
    "labelcycle.pipelines.cli.main",
    "labelcycle.components.select.stage",
    "labelcycle.components.label_ingest.stage",
]
HEAVY = {"torch", "torchvision", "timm", "peft", "transformers", "mlflow", "kfp"}


def write_images(folder: Path, count: int, side: int) -> None:
    """`count` JPEG files of side × side pixels, and label files for pool (90 %) and test (10 %)."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(count):
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((side, side))
        pixels = np.asarray(coarse, dtype=np.int16) + generator.integers(-20, 20, (side, side, 3))
        name = f"{number:06d}.jpg"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / name, quality=90)
        rows.append((name, f"class {number % 5}"))
    for file, part in (("labels.csv", rows[count // 10 :]), ("test.csv", rows[: count // 10])):
        with (folder / file).open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows(part)


def begin(folder: Path, root: Path, backbone: str, weights: Path, recipe: str = "linear_probe") -> tuple[int, str]:
    """Begin a campaign over `folder` and its cold start; returns cycle and attempt."""
    from labelcycle.components.label_ingest.stage import run as ingest
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    begin_campaign(
        str(root),
        CampaignSettings(
            recipe=recipe,
            budget=60,
            batch=20,
            images=str(folder / "images"),
            labels_from=str(folder / "labels.csv"),
            test=str(folder / "test.csv"),
            backbone=backbone,
            weights=str(weights),
        ),
    )
    started = ingest(str(root))
    return started.cycle, started.attempt


def random_weights(backbone: str, path: Path) -> Path:
    """Random weights of a timm model, as the file that `--weights` takes."""
    import timm
    import torch
    from safetensors.torch import save_file

    import labelcycle.components.core.backbones.embedded.model  # noqa: F401  (registers the embedded backbone)

    torch.manual_seed(0)
    save_file(timm.create_model(backbone, num_classes=0).state_dict(), path)
    return path


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bench_embedding(table: Table, scratch: Path, backbone: str, side: int, count: int) -> None:
    """Bare forward on tensors in memory against the whole embed stage on files, and the stage run again."""
    import torch

    from labelcycle.components.core.campaign.attempt import open_attempt
    from labelcycle.components.embed.embedding_network import forward, load_network
    from labelcycle.components.embed.stage import run

    folder, root = scratch / f"{backbone}-{side}", scratch / f"{backbone}-{side}-campaign"
    write_images(folder, count, side)
    cycle, attempt = begin(folder, root, backbone, random_weights(backbone, scratch / f"{backbone}.safetensors"))
    work = open_attempt(str(root), cycle, attempt)
    assert work.campaign.backbone is not None
    backbone_kept = work.campaign.backbone
    model = load_network(work, backbone_kept, adapter=False)
    size = backbone_kept.transform.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, 3, size, size), dtype=np.uint8)
    tensor = torch.from_numpy(pixels).float()
    forward(model, pixels, backbone_kept)

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(count // BATCH):
                model(tensor)

    before = seconds(bare) / (count // BATCH * BATCH) * count
    first = seconds(lambda: run(str(root), cycle, attempt, "base"))
    bare_seconds = statistics.mean([before, seconds(bare) / (count // BATCH * BATCH) * count])
    again = seconds(lambda: run(str(root), cycle, attempt, "base"))
    what = f"{backbone}, {count} JPEG of {side}×{side}"
    table.add_row(f"bare forward: {what}", f"{count / bare_seconds:.0f} images/s", "")
    table.add_row(
        f"embed stage: {what}", f"{count / first:.0f} images/s", f"{bare_seconds / first:.0%} of bare (≥ 85 %)"
    )
    table.add_row("embed again, nothing to do", f"{again:.3f} s", f"{again / first:.2%} of the first time (< 1 %)")


def bench_memory(table: Table, scratch: Path, counts: tuple[int, int]) -> None:
    """Peak resident memory of the embed stage as a process, for a small and a larger pool."""
    from labelcycle.components.core.backbones.build import EMBEDDED

    peaks = []
    for count in counts:
        folder, root = scratch / f"memory-{count}", scratch / f"memory-{count}-campaign"
        write_images(folder, count, 64)
        cycle, attempt = begin(folder, root, EMBEDDED, random_weights(EMBEDDED, scratch / "memory.safetensors"))
        program = (
            "import re, sys\n"
            "from labelcycle.components.embed.stage import run\n"
            "run(sys.argv[1], int(sys.argv[2]), sys.argv[3], 'base')\n"
            "status = open('/proc/self/status').read()\n"
            "print(int(re.search('VmHWM:\\\\s+(\\\\d+)', status)[1]) / 1024)\n"
        )
        command = [sys.executable, "-c", program, str(root), str(cycle), attempt]
        peaks.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    for count, peak in zip(counts, peaks, strict=True):
        table.add_row(f"embed stage, peak memory at {count} images", f"{peak:.0f} MiB", "")
    table.add_row("  growth", "", f"{peaks[1] / peaks[0]:.3f}× for {counts[1] / counts[0]:.0f}× the images (flat)")


def bench_imports(table: Table) -> None:
    """Start-up of what must stay light, as processes of their own; the best of three."""
    for module in IMPORTS:
        program = f"import json, sys; import {module}; print(json.dumps(sorted(sys.modules)))"
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
            runs.append(time.perf_counter() - start)
        heavy = sorted(HEAVY & set(json.loads(output)))
        table.add_row(f"import {module}", f"{min(runs):.2f} s", f"≤ 1 s; heavy packages: {', '.join(heavy) or 'none'}")


def bench_commands(table: Table, scratch: Path) -> None:
    """Processor and wall-clock seconds of commands on scikit-learn's digits, with all processes that they start."""
    from labelcycle.pipelines.demo.digits import write_digits

    digits, cold = scratch / "digits", scratch / "vectors"
    write_digits(digits)
    sizes = ["--budget", "200", "--batch", "10"]
    labels = ["--labels-from", str(digits / "labels.csv"), "--test", str(digits / "test.csv")]
    commands = [
        ["--help"],
        ["init", str(cold), "--embeddings", str(digits / "pixels.npz"), *sizes],
        ["init", str(scratch / "pictures"), "--images", str(digits / "images"), *labels, *sizes],
        ["run", str(cold), "--cycles", "1"],
        ["run", str(cold), "--cycles", "1"],
        ["run", str(cold), "--cycles", "6"],
        ["run", str(cold), "--cycles", "1", "--engine", "kfp"],
        ["status", str(cold)],
    ]
    for command in commands:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "labelcycle.pipelines.cli.main", *command], check=True, capture_output=True
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        shown = " ".join(word.replace(f"{scratch}/", "") for word in command)
        table.add_row(f"labelcycle {shown}", f"{processor:.2f} s of processor", f"{wall:.2f} s by the clock")


def bench_overhead(table: Table, scratch: Path, recipe: str) -> None:
    """Wall time of a trained cycle with a process of its own, less what the stages report for their own work."""
    from labelcycle.components.core.backbones.build import EMBEDDED
    from labelcycle.pipelines.local.engine import run_cycle

    folder, root = scratch / f"overhead-{recipe}", scratch / f"overhead-{recipe}-campaign"
    write_images(folder, 300, 64)
    begin(folder, root, EMBEDDED, random_weights(EMBEDDED, scratch / "overhead.safetensors"), recipe)
    run_cycle(str(root))
    start = time.perf_counter()
    run = run_cycle(str(root))
    wall = time.perf_counter() - start
    own = sum(run.seconds.values())
    parts = ", ".join(f"{stage} {value:.1f}" for stage, value in run.seconds.items())
    table.add_row(f"cycle of {recipe}: wall", f"{wall:.1f} s", f"stages' own work {own:.1f} s ({parts})")
    table.add_row("  overhead outside the stages' own work", f"{wall - own:.1f} s", "≤ 5 s")


def main() -> None:
    """Run all measurements and print one table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--images", type=int, default=1920, help="images for the large network")
    arguments.add_argument("--only-commands", action="store_true", help="measure the commands on digits alone")
    given = arguments.parse_args()
    count = given.images
    table = Table(title=f"bench-cycle on {len(os.sched_getaffinity(0))} CPU cores")
    for heading in ("work", "measured", "ratio or limit"):
        table.add_column(heading)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{scratch / 'mlflow.db'}"
        bench_commands(table, scratch)
        if given.only_commands:
            Console(width=150).print(table)
            return
        bench_imports(table)
        bench_embedding(table, scratch, "vit_tiny_patch16_224", 64, count)
        bench_embedding(table, scratch, "vit_tiny_patch16_224", 256, count)
        bench_embedding(table, scratch, "labelcycle_vit_tiny_patch8_64", 64, 4 * count)
        bench_memory(table, scratch, (2048, 8192))
        bench_overhead(table, scratch, "linear_probe")
        bench_overhead(table, scratch, "peal_entropy")
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
