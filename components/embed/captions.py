"""Captions → a space of text features by a frozen text encoder: the mean over a caption's tokens.

Ids are those of the images. Equal captions are encoded once.

Source: VeCAF, section 3.2 (captions through a pretrained language encoder); the mean over tokens is that of sentence
encoders (Reimers and Gurevych, EMNLP 2019, section 3).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import load_pool
from labelcycle.components.core.config.embedding import TextEncoder, text_provenance
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.spaces import FeatureSpace, space_name
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.core.storage.objects import read_object

PART = 16_384
"""Samples a part of the space."""


@dataclass(frozen=True)
class CaptionsEmbedded:
    """The space, the rows added to it, and those that were there already."""

    space: str
    embedded: int
    kept: int


def embed_captions(work: Attempt, encoder: TextEncoder) -> CaptionsEmbedded:
    """Make sure that every sample of the pool that has a caption has its features.

    Args:
        work: the attempt.
        encoder: the campaign's.

    Cost: a forward pass a distinct caption, once for the whole campaign.
    """
    provenance = text_provenance(encoder, work.campaign.pool.sha256)
    space = FeatureSpace(work.store, space_name(provenance))
    table = load_pool(work.store, work.campaign)
    table = table.filter(pc.and_(pc.equal(table["split"], "pool"), pc.is_valid(table["caption"])))
    there = space.ids()
    missing = table.filter(pc.invert(pc.is_in(table["sample_id"], value_set=pa.array(sorted(there), pa.string()))))
    if missing.num_rows:
        space.describe(provenance)
        _encode(work, encoder, space, missing["sample_id"].to_pylist(), missing["caption"].to_pylist())
    return CaptionsEmbedded(space.name, missing.num_rows, table.num_rows - missing.num_rows)


def _encode(work: Attempt, encoder: TextEncoder, space: FeatureSpace, ids: list[str], captions: list[str]) -> None:
    from labelcycle.components.embed.captions import BATCH, CaptionModel

    distinct = sorted(set(captions))
    with tempfile.TemporaryDirectory() as folder, Progress("embed captions", len(distinct), "caption") as progress:
        for name, reference in encoder.files.items():
            (Path(folder) / name).write_bytes(read_object(work.store, reference))
        model = CaptionModel(Path(folder))
        pieces = []
        for start in range(0, len(distinct), BATCH):
            pieces.append(model(distinct[start : start + BATCH]))
            progress.advance(len(pieces[-1]))
    features = np.concatenate(pieces)
    row = {caption: number for number, caption in enumerate(distinct)}
    rows = np.array([row[caption] for caption in captions])
    for start in range(0, len(ids), PART):
        space.add(ids[start : start + PART], features[rows[start : start + PART]])


BATCH = 64
"""Captions a forward pass."""

TOKENS = 256
"""Most tokens of a caption; what follows is not read."""

NOTHING_BUT_DATA = {"local_files_only": True, "trust_remote_code": False}
"""No hub is asked, and code that a model brings is neither run nor asked about."""


class CaptionModel:
    """A transformers model of text and its tokenizer, loaded from a folder, never from a hub."""

    def __init__(self, folder: Path) -> None:
        """Load them.

        Raises:
            ConfigurationError: transformers is not installed, or the folder holds no text encoder in safetensors.
        """
        try:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise ConfigurationError(
                "Features of captions need transformers, which is not installed. Install labelcycle[text]."
            ) from error
        logging.disable_progress_bar()
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, **NOTHING_BUT_DATA)
            model: Any = AutoModel.from_pretrained(folder, use_safetensors=True, **NOTHING_BUT_DATA)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ConfigurationError(
                f"{folder} holds no text encoder that transformers can load from safetensors: {error}"
            ) from error
        if getattr(model.config, "is_encoder_decoder", False):
            model = model.get_encoder()
        self._model = model.float().eval().requires_grad_(False)
        self._tokens = min(TOKENS, int(getattr(model.config, "max_position_embeddings", TOKENS)))

    @torch.inference_mode()
    def __call__(self, captions: Sequence[str]) -> npt.NDArray[np.float16]:
        """Features of captions, float16 (N, t). Cost: a forward pass a caption, in batches of 64."""
        means = []
        for start in range(0, len(captions), BATCH):
            tokens = self._tokenizer(
                list(captions[start : start + BATCH]),
                padding=True,
                truncation=True,
                max_length=self._tokens,
                return_tensors="pt",
            )
            hidden = self._model(**tokens).last_hidden_state
            kept = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            means.append((hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1))
        features: npt.NDArray[np.float16] = torch.cat(means).half().numpy()
        return features
