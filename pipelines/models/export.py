"""Export: a committed model as one ONNX file with its labels and a card, kept only if it agrees with labelcycle.

They are compared on a few samples of the campaign, those of the test set where there is one.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch

from labelcycle.components.core.backbones.build import normalise, pixel_transform
from labelcycle.components.core.campaign.campaign import Transform
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.digests import canonical_json, digest_of_file
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.models.heads import Head
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.model_card import ModelInput, features_taken, model_card, pixels_taken
from labelcycle.pipelines.models.network import (
    FeatureClassifier,
    MergedClassifier,
    backbone_of,
    head_network,
    load_network,
)
from labelcycle.pipelines.models.onnx_file import (
    LARGEST_DIFFERENCE,
    Parity,
    compare,
    require_packages,
    run_onnx,
    write_onnx,
)

SAMPLES = 64


def sample_pixels(chosen: Chosen, count: int = SAMPLES) -> npt.NDArray[np.uint8]:
    """Images as the model's network takes them, before normalisation: uint8 (at most `count`, 3, S, S).

    Raises:
        InputError: none can be read.
    """
    to_pixels = pixel_transform(backbone_of(chosen).transform)
    pixels: list[npt.NDArray[np.uint8]] = []
    samples = _samples(chosen)
    reason = "there is none"
    for uri, sha256 in zip(samples["uri"].to_pylist(), samples["sha256"].to_pylist(), strict=True):
        try:
            pixels.append(to_pixels(decode_image(read_unchanged_image(uri, sha256))))
        except UnreadableImage as error:
            reason = f"{uri}: {error}"
        if len(pixels) == count:
            break
    if not pixels:
        raise InputError(
            f"No image of campaign {chosen.campaign.identifier!r} can be read, so the exported model cannot be tried "
            f"({reason}). Restore the images and run again."
        )
    return np.stack(pixels)


def sample_features(chosen: Chosen, count: int = SAMPLES) -> npt.NDArray[np.float16]:
    """Features of the campaign's base space: float16 (at most `count`, d)."""
    ids: list[str] = _samples(chosen)["sample_id"].to_pylist()[:count]
    return FeatureSpace(chosen.store, chosen.campaign.base_space).read(ids)[1]


def _samples(chosen: Chosen) -> pa.Table:
    """The samples of the test set in an order drawn once for all, or those of the pool where it is empty."""
    pool = load_pool(chosen.store, chosen.campaign)
    test = pool.filter(pc.equal(pool["split"], "test"))
    table = test if test.num_rows else pool
    return table.take(pa.array(np.argsort(keyed_order(table["sample_id"].to_pylist(), "export"), kind="stable")))


MODEL, LABELS, CARD = "model.onnx", "labels.json", "model_card.json"
BATCHES = (1, 7)
"""The samples are given to the exported model in batches of these sizes, and one of the rest: it must take any."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Exported:
    """The files, and how the exported model compares with labelcycle's own predictions."""

    files: list[Path]
    parity: Parity


@dataclass(frozen=True)
class Prepared:
    """A model ready to be written.

    Attributes:
        model: input → probabilities, on the CPU.
        taken: what the input is, for the card.
        samples: inputs from the campaign.
        own: what labelcycle predicts for them, float32 (N, C).
    """

    model: torch.nn.Module
    taken: ModelInput
    samples: Array
    own: npt.NDArray[np.float32]


def export_model(chosen: Chosen, folder: str) -> Exported:
    """Write `model.onnx`, `labels.json` and `model_card.json` into a folder, replacing those that are there.

    The model takes pixels, resized and cropped but not normalised; of a campaign on embeddings it takes features. It
    computes in single precision, whatever the campaign computes in. Where the campaign's features were centred and
    scaled, the model does that itself, so it takes features as they came; in float64 where float32 cannot hold them.

    Args:
        chosen: the model.
        folder: where; made where it does not exist.

    Raises:
        ConfigurationError: packages are missing, the folder is not one, or torch cannot write this network.
        InputError: no image of the campaign can be read.
        CampaignError: the exported model says something else than labelcycle; nothing is kept.
        TransientError: the folder cannot be written.

    Cost: seconds to a minute; memory for the network a few times over.
    """
    require_packages()
    target = _folder(folder)
    prepared = _on_features(chosen) if chosen.campaign.backbone is None else _on_pixels(chosen)
    with _unfinished(target) as unfinished:
        path, name = unfinished / MODEL, prepared.taken.name
        write_onnx(prepared.model, torch.from_numpy(prepared.samples[[0, 0]]), name, path)
        parity = compare(run_onnx(path, name, _batches(prepared.samples)), prepared.own)
        if not parity.holds:
            raise CampaignError(
                f"The exported model differs from {chosen.title}: by {parity.difference:.2g} in a probability "
                f"({LARGEST_DIFFERENCE:g} is allowed), and in the class of {parity.disagreements} of {parity.samples} "
                "samples. Nothing was written. Predict with labelcycle predict, and tell us about the backbone."
            )
        files = {file.name: digest_of_file(file) for file in sorted(unfinished.iterdir())}
        backbone = None if chosen.campaign.backbone is None else backbone_of(chosen)
        (unfinished / LABELS).write_bytes(canonical_json(chosen.campaign.classes))
        card = model_card(chosen, backbone, prepared.taken, parity)
        (unfinished / CARD).write_bytes(canonical_json(card | {"files": files}))
        written = [
            file.replace(target / file.name)
            for file in sorted(unfinished.iterdir(), key=lambda file: file.name == CARD)
        ]
    return Exported(written, parity)


def _on_pixels(chosen: Chosen) -> Prepared:
    backbone, head = backbone_of(chosen), chosen.head
    network, pixels = load_network(chosen).cpu().eval(), sample_pixels(chosen)
    model = MergedClassifier(network, backbone.transform, head_network(head)).eval()
    return Prepared(model, pixels_taken(backbone), pixels, _own(network, head, backbone.transform, pixels))


def _on_features(chosen: Chosen) -> Prepared:
    head, kept = chosen.head, sample_features(chosen)
    scale = chosen.feature_scale
    taken = features_taken(kept.shape[1], scale)
    features = (kept if scale is None else scale.undo(kept)).astype(taken.type)
    own = head.probabilities(kept if scale is None else scale.apply(features))
    return Prepared(FeatureClassifier(head_network(head), scale).eval(), taken, features, own)


@torch.inference_mode()
def _own(
    network: torch.nn.Module, head: Head, transform: Transform, pixels: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """What labelcycle predicts, by the steps of embedding and evaluation, in single precision on the CPU."""
    features = [network(normalise(batch, transform)).half().numpy() for batch in torch.from_numpy(pixels).split(16)]
    return head.probabilities(np.concatenate(features))


def _batches(samples: Array) -> list[Array]:
    return [batch for batch in np.split(samples, np.cumsum(BATCHES)) if len(batch)]


def _folder(folder: str) -> Path:
    path = Path(folder).expanduser()
    if "://" in folder or (path.exists() and not path.is_dir()):
        raise ConfigurationError(
            f"--output {folder} is not a folder of this machine. Name one; it is created if necessary."
        )
    return path


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A folder inside the target that is gone afterwards."""
    folder = target / f".unfinished-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise TransientError(
            f"Cannot write to {target}: {error.strerror or error}. Free space or grant write access, then run again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
