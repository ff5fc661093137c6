"""Distils the packaged vision transformer from ViT-Ti/16 on unlabelled images.

Every image archive gives a bank of 64x64 views. The teacher sees each view enlarged to 224x224 pixels, the student sees
it as it is, and the student learns to give the teacher's class token and, more coarsely, its patch tokens.

    python -m labelcycle.components.core.backbones.embedded.distil \
        --teacher vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors \
        --images eurosat.tar --images trashnet.tar --out labelcycle_vit_tiny_patch8_64.safetensors
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import resample_abs_pos_embed, resample_patch_embed
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from labelcycle.components.core.backbones.embedded.model import MODEL_NAME
from labelcycle.components.core.backbones.embedded.views import collect_views

TEACHER_NAME = "vit_tiny_patch16_224"
TEACHER_PIXELS = 224
TEACHER_BLOCKS = (0, 4, 7, 11)  # of 12: the blocks that the student's four start from
FORWARD_BATCH = 32  # views at a time where nothing is trained; on a CPU faster than 128
STUDENT_GRID = 8  # patches along a side
PATCH_LOSS_WEIGHT = 0.5
METADATA = {
    "format": "pt",
    "licence": "Apache-2.0",
    "origin": "Distilled from, and initialised with blocks of, ViT-Ti/16 augreg in21k_ft_in1k (Google Research "
    "vision_transformer, Apache-2.0), as converted by timm (Apache-2.0)",
    "architecture": "timm VisionTransformer: img_size 64, patch_size 8, embed_dim 192, depth 4, num_heads 3",
    "preprocessing": "64x64 bicubic, mean = std = 0.5",
}


@dataclass(frozen=True)
class Targets:
    """What the teacher says of a bank of views.

    Attributes:
        classes: Class tokens after the last normalisation, float16 (N, 192).
        patches: Patch tokens after the last normalisation, averaged onto the student's grid, float16 (N, 64, 192).
    """

    classes: Tensor
    patches: Tensor


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each of the teacher's dimensions, float32 (192,) each."""

    mean: Tensor
    deviation: Tensor

    def standardise(self, features: Tensor) -> Tensor:
        """Give float32 features (..., 192) zero mean and unit variance."""
        return (features.float() - self.mean) / self.deviation


def scaled(views: Tensor) -> Tensor:
    """Map uint8 views to float32 within -1 and 1 (mean = std = 0.5)."""
    return views.float() / 127.5 - 1


def load_teacher(file: Path) -> Any:
    """Build timm's ViT-Ti/16 at 224x224 pixels with the weights of a safetensors file, without its classifier."""
    teacher = timm.create_model(TEACHER_NAME, pretrained=False)
    teacher.load_state_dict(load_file(file), strict=True)
    teacher.reset_classifier(0)
    return teacher.eval()


def teacher_tokens(teacher: Any, views: Tensor) -> tuple[Tensor, Tensor]:
    """Run the teacher on views that are enlarged to its size.

    Args:
        teacher: Headless ViT-Ti/16.
        views: uint8 (N, 3, 64, 64).

    Returns:
        Class tokens (N, 192) and patch tokens averaged onto the student's 8x8 grid (N, 64, 192).
    """
    # antialias=True is the bicubic filter of Pillow, which the teacher's own preprocessing uses.
    size = (TEACHER_PIXELS, TEACHER_PIXELS)
    enlarged = functional.interpolate(views.float(), size, mode="bicubic", antialias=True).round().clamp(0, 255)
    tokens = teacher.forward_features(scaled(enlarged)).float()
    side = math.isqrt(tokens.shape[1] - 1)
    grid = tokens[:, 1:].transpose(1, 2).unflatten(2, (side, side))
    coarse = functional.interpolate(grid, (STUDENT_GRID, STUDENT_GRID), mode="bilinear", antialias=True)
    return tokens[:, 0], coarse.flatten(2).transpose(1, 2)


@torch.inference_mode()
def teach(teacher: Any, views: Tensor, device: torch.device) -> Targets:
    """Compute the teacher's tokens of every view under bfloat16 autocast."""
    classes, patches = [], []
    for batch in tqdm(torch.split(views, FORWARD_BATCH), desc="teacher"):
        with torch.autocast(device.type, dtype=torch.bfloat16):
            class_tokens, patch_tokens = teacher_tokens(teacher, batch.to(device))
        classes.append(class_tokens.half().cpu())
        patches.append(patch_tokens.half().cpu())
    return Targets(torch.cat(classes), torch.cat(patches))


def measure_scale(features: Tensor, device: torch.device) -> Scale:
    """Measure mean and standard deviation of features (..., 192) over all but the last axis."""
    rows = features.flatten(0, -2).float()
    return Scale(rows.mean(0).to(device), rows.std(0).to(device))


def initial_student(teacher: Any) -> Any:
    """Build the student from four of the teacher's blocks and its embeddings, resampled to the student's grid."""
    student = timm.create_model(MODEL_NAME, pretrained=False)
    weights = {name: tensor for name, tensor in teacher.state_dict().items() if not name.startswith("blocks.")}
    for position, block in enumerate(TEACHER_BLOCKS):
        for name, tensor in teacher.blocks[block].state_dict().items():
            weights[f"blocks.{position}.{name}"] = tensor
    patch_size = list(student.patch_embed.patch_size)
    weights["patch_embed.proj.weight"] = resample_patch_embed(weights["patch_embed.proj.weight"], patch_size)
    weights["pos_embed"] = resample_abs_pos_embed(weights["pos_embed"], [STUDENT_GRID, STUDENT_GRID])
    student.load_state_dict(weights, strict=True)
    return student


def token_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Add squared error and cosine distance of standardised tokens (..., 192)."""
    return functional.mse_loss(student, teacher) + (1 - functional.cosine_similarity(student, teacher, dim=-1)).mean()


def learning_rate_factor(step: int, steps: int, warm_up: int) -> float:
    """Rise linearly over `warm_up` steps, then fall along a half cosine to zero."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def train(
    student: Any,
    views: Tensor,
    targets: Targets,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    device: torch.device,
) -> None:
    """Train the student in place to repeat the teacher's tokens.

    Args:
        student: The vision transformer to train, on `device`.
        views: uint8 (N, 3, 64, 64).
        targets: The teacher's tokens of the same views.
        epochs: Passes over the views.
        batch_size: Views a step.
        learning_rate: The highest of the schedule.
        device: Where to compute.
    """
    class_scale, patch_scale = measure_scale(targets.classes, device), measure_scale(targets.patches[::16], device)
    optimiser = torch.optim.AdamW(student.parameters(), lr=learning_rate, weight_decay=0.02)
    steps = epochs * (len(views) // batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate_factor(step, steps, warm_up=min(200, steps // 10 + 1))
    )
    student.train()
    with tqdm(total=steps, desc="student") as progress:
        for _ in range(epochs):
            order = torch.randperm(len(views))
            for rows in torch.split(order, batch_size)[: len(views) // batch_size]:
                with torch.autocast(device.type, dtype=torch.bfloat16):
                    tokens = student.forward_features(scaled(views[rows].to(device)))
                class_error = token_loss(
                    class_scale.standardise(tokens[:, 0]), class_scale.standardise(targets.classes[rows].to(device))
                )
                patch_error = token_loss(
                    patch_scale.standardise(tokens[:, 1:]), patch_scale.standardise(targets.patches[rows].to(device))
                )
                optimiser.zero_grad()
                torch.autograd.backward(class_error + PATCH_LOSS_WEIGHT * patch_error)
                torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                progress.update()
                progress.set_postfix(class_error=f"{class_error.item():.3f}", patch_error=f"{patch_error.item():.3f}")


@torch.inference_mode()
def agreement(student: Any, views: Tensor, classes: Tensor, device: torch.device) -> float:
    """Average the cosine between the student's features and the teacher's, both centred on the teacher's mean.

    Args:
        student: The trained vision transformer, on `device`.
        views: uint8 (N, 3, 64, 64).
        classes: The teacher's class tokens of the same views, float16 (N, 192).
        device: Where to compute.

    Returns:
        The mean cosine over the views, 1 at best.
    """
    student.eval()
    mean = classes.float().mean(0)
    batches = torch.split(views, FORWARD_BATCH)
    features = torch.cat([student(scaled(batch.to(device))).float().cpu() for batch in batches])
    return float(functional.cosine_similarity(features - mean, classes.float() - mean).mean())


def save(student: Any, file: Path) -> None:
    """Write the student's weights as float16 safetensors."""
    weights = {name: tensor.detach().half().cpu().contiguous() for name, tensor in student.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, file, METADATA)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Distil the embedded vision transformer from ViT-Ti/16.")
    parser.add_argument("--teacher", type=Path, required=True, help="safetensors file of timm's vit_tiny_patch16_224")
    parser.add_argument("--images", type=Path, action="append", required=True, help="tar archive of images; repeatable")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the views")
    parser.add_argument("--views", type=int, default=20_000, help="views drawn from each archive")
    parser.add_argument("--strokes", type=int, default=3_000, help="views of drawn lines and arcs")
    parser.add_argument("--batch-size", type=int, default=128, help="views a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0, help="seed of views and training order")
    return parser.parse_args()


def main() -> None:
    """Draw views, ask the teacher, train the student and write its weights."""
    arguments = parse_arguments()
    device = torch.device(arguments.device)
    torch.manual_seed(arguments.seed)
    views = collect_views(arguments.images, arguments.views, arguments.strokes, arguments.seed)
    teacher = load_teacher(arguments.teacher).to(device)
    targets = teach(teacher, views, device)
    student = initial_student(teacher.cpu()).to(device)
    train(
        student,
        views,
        targets,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        device=device,
    )
    save(student, arguments.out)
    cosine = agreement(student, views[::10], targets.classes[::10], device)
    print(f"{len(views):,} views; mean cosine between student and teacher: {cosine:.3f}")


if __name__ == "__main__":
    main()
