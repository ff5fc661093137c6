"""Measures what the packaged features are worth: logistic regression on them against logistic regression on pixels.

    python -m labelcycle.components.core.backbones.embedded.worth --eurosat eurosat.tar

Five stratified, shuffled folds with a fixed seed. In every fold the columns are standardised on the training part, and
the strength of the regulariser is the best of a fixed list on a stratified tenth of the training part; both are done
in the same way for features and for pixels.
"""

import argparse
import io
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from timm.data import create_transform, resolve_model_data_config
from torch import Tensor
from tqdm import tqdm

from labelcycle.components.core.backbones.embedded.model import MODEL_NAME

FOLDS = 5
SEED = 0
WEIGHT_DECAYS = (1e-4, 1e-3, 1e-2)  # per example: mean cross-entropy + weight_decay / 2 * |weights|^2
EUROSAT_RAW_PIXELS = 8  # a side; times three colours, as many columns as there are features

Matrix = NDArray[np.float32]
Labels = NDArray[np.int64]


def read_eurosat(archive: Path) -> tuple[list[Image.Image], Labels]:
    """Read `<anything>/<Class>/<name>.jpg` of a tar archive as RGB images and class numbers (N,)."""
    images, names = [], []
    with tarfile.open(archive) as opened:
        for member in opened:
            stream = opened.extractfile(member) if member.name.endswith(".jpg") else None
            if stream is not None:
                images.append(Image.open(io.BytesIO(stream.read())).convert("RGB"))
                names.append(PurePosixPath(member.name).parent.name)
    return images, np.unique(names, return_inverse=True)[1]


def read_digits() -> tuple[list[Image.Image], Matrix, Labels]:
    """Give scikit-learn's 1,797 digits as 8x8 RGB images, as their pixels (N, 64) of 0 to 16, and as numbers (N,)."""
    digits = load_digits()
    grey = (digits.images * 255 / 16).round().astype(np.uint8)
    return [Image.fromarray(digit).convert("RGB") for digit in grey], digits.data.astype(np.float32), digits.target


@torch.inference_mode()
def embedded_features(images: list[Image.Image]) -> Matrix:
    """Give the packaged model's features (N, 192), float32, through timm's own transform of the model."""
    model: Any = timm.create_model(MODEL_NAME, pretrained=True).eval()
    transform: Callable[[Image.Image], Tensor] = create_transform(**resolve_model_data_config(model))
    batches = [images[first : first + 256] for first in range(0, len(images), 256)]
    rows = [model(torch.stack([transform(image) for image in batch])) for batch in tqdm(batches, desc="features")]
    return np.asarray(torch.cat(rows).numpy(), dtype=np.float32)


def small_pixels(images: list[Image.Image]) -> Matrix:
    """Give every image's pixels after it is shrunk to 8x8 by averaging: float32 (N, 192)."""
    size = (EUROSAT_RAW_PIXELS, EUROSAT_RAW_PIXELS)
    return np.stack([np.asarray(image.resize(size, Image.Resampling.BOX), np.float32).ravel() for image in images])


def fit_and_score(matrix: Matrix, labels: Labels, train: Labels, test: Labels, weight_decay: float) -> float:
    """Fit on the rows `train`, standardised on themselves, and give the accuracy on the rows `test`."""
    regression = LogisticRegression(C=1 / (weight_decay * len(train)), max_iter=2000)
    model = make_pipeline(StandardScaler(), regression).fit(matrix[train], labels[train])
    return float(model.score(matrix[test], labels[test]))


def best_weight_decay(matrix: Matrix, labels: Labels, train: Labels) -> float:
    """Choose the weight decay that scores best on a held-out tenth of the rows `train`."""
    fit, check = train_test_split(train, test_size=0.1, stratify=labels[train], random_state=SEED)
    return max(WEIGHT_DECAYS, key=lambda weight_decay: fit_and_score(matrix, labels, fit, check, weight_decay))


def cross_validate(matrix: Matrix, labels: Labels) -> tuple[float, float]:
    """Give mean and standard deviation of the accuracy over the folds."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = [
        fit_and_score(matrix, labels, train, test, best_weight_decay(matrix, labels, train))
        for train, test in folds.split(matrix, labels)
    ]
    return float(np.mean(scores)), float(np.std(scores))


def report(data: str, rows: str, matrix: Matrix, labels: Labels) -> None:
    """Print one line of the table."""
    mean, deviation = cross_validate(matrix, labels)
    print(f"| {data} | {rows} | {mean:.4f} | {deviation:.4f} |", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare the embedded backbone's features with raw pixels.")
    parser.add_argument(
        "--eurosat", type=Path, help="tar archive of EuroSAT RGB; without it only the digits are measured"
    )
    parser.add_argument(
        "--teacher-features", type=Path, help="npz with `features` (N, 192) and `labels` of the teacher"
    )
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    arguments = parse_arguments()
    print("| data | rows | accuracy | standard deviation over folds |\n| --- | --- | --- | --- |")
    digits, digit_pixels, digit_labels = read_digits()
    report("digits, 1,797", "embedded features, 192", embedded_features(digits), digit_labels)
    report("digits, 1,797", "pixels 8x8, 64", digit_pixels, digit_labels)
    if arguments.eurosat:
        images, labels = read_eurosat(arguments.eurosat)
        report(f"EuroSAT, {len(images):,}", "embedded features, 192", embedded_features(images), labels)
        report(f"EuroSAT, {len(images):,}", "pixels 8x8x3, 192", small_pixels(images), labels)
    if arguments.teacher_features:
        with np.load(arguments.teacher_features, allow_pickle=False) as stored:
            matrix, labels = stored["features"].astype(np.float32), stored["labels"].astype(np.int64)
        report(f"EuroSAT, {len(matrix):,}", "teacher's features at 224x224, 192", matrix, labels)


if __name__ == "__main__":
    main()
