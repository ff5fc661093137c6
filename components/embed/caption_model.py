"""A frozen text encoder: captions → features, the mean over their tokens.

Source: VeCAF, section 3.2 (captions through a pretrained language encoder); the mean over tokens is that of sentence
encoders (Reimers and Gurevych, EMNLP 2019, section 3).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.errors import ConfigurationError

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
