"""The network of text that an image-text backbone was trained with, by open_clip: prompts → vectors of length 1.

A folder in open_clip's form has both halves in one file. The half of text is kept; of the half of images only what
comes behind the backbone: the projection to where texts are, which timm leaves out without a classifier.

Source: Radford et al., CLIP, ICML 2021, section 3.1 (prompts, and the mean over several).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.errors import ConfigurationError

CONFIGURATION = "open_clip_config.json"
BOTH_HALVES = "open_clip_model.safetensors"
TEXT_HALF = "text_tower.safetensors"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt")

AT_ONCE = 64
"""Prompts a forward pass."""

NOTHING_BUT_DATA = {"local_files_only": True, "trust_remote_code": False}
"""No hub is asked for a tokenizer, and code that it brings is not run."""

CLEANING = {"clean", "strip_sep_token", "language", "tokenizer_mode"}
"""What a configuration may tell a tokenizer."""

INSTALL = "Zero-shot start needs open_clip, which is not installed. Install labelcycle[zero-shot]."


@dataclass(frozen=True)
class ImageHalf:
    """What stands behind the backbone in the half of images, and by what to recognise it.

    Attributes:
        patches: weights of its first layer, which the backbone has too.
        projection: float32 (w, t), from its pooled tokens to where texts are.
        offset: float32 (t,).
        scale: what cosines are multiplied by.
        of_class_token: whether what it pools is its class token.
    """

    patches: torch.Tensor
    projection: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    scale: float
    of_class_token: bool


def read_configuration(folder: Path, model: str = "") -> dict[str, Any]:
    """Sizes of both halves: open_clip's own for one of its models, or those in the folder.

    Raises:
        ConfigurationError: open_clip is not installed or knows no such model; the folder has no configuration, or one
            whose network of text is none of open_clip's.
    """
    if model:
        configuration: dict[str, Any] | None = _open_clip().get_model_config(model)
        if configuration is None:
            raise ConfigurationError(f"This open_clip does not know {model!r}. Install a later one.")
        return configuration
    path = folder / CONFIGURATION
    try:
        configuration = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
        text = configuration["text_cfg"]
        foreign = text.get("hf_model_name")
        strange = set(text.get("tokenizer_kwargs") or ()) - CLEANING
    except FileNotFoundError as error:
        raise ConfigurationError(_lacking(folder, CONFIGURATION)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not a configuration of open_clip: {error!r}. Fetch it again.") from error
    if strange:
        raise ConfigurationError(f"{path}: tokenizer_kwargs may not have {sorted(strange)[0]!r}. Remove it.")
    if foreign:
        raise ConfigurationError(
            f"{path}: the network of text is {foreign!r} of transformers. Only those that are open_clip's own can be "
            "used: CLIP, SigLIP and PE have such."
        )
    return configuration


def lay_out(folder: Path, configuration: Mapping[str, Any], target: Path) -> ImageHalf:
    """Write the half of text of the model in `folder` into `target`: configuration, weights, tokenizer.

    Raises:
        ConfigurationError: a file is missing or is not what its name says.

    Cost: memory for both halves.
    """
    source = folder / BOTH_HALVES
    if not source.is_file():
        raise ConfigurationError(_lacking(folder, BOTH_HALVES))
    own_tokenizer = _has_own_tokenizer(configuration)
    if own_tokenizer and not (folder / TOKENIZER[0]).is_file():
        raise ConfigurationError(_lacking(folder, TOKENIZER[0]))
    try:
        tensors = load_file(source)
        half = _image_half(tensors, configuration)
    except (SafetensorError, KeyError) as error:
        raise ConfigurationError(
            f"{source} holds no image-text model of open_clip: {error}. Fetch it again."
        ) from error
    prefix = "text." if any(name.startswith("text.") for name in tensors) else ""
    text = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix) and not name.startswith(("visual.", "logit_"))
    }
    save_file({name: value.contiguous() for name, value in text.items()}, target / TEXT_HALF)
    content = json.dumps({"model_cfg": configuration}, sort_keys=True, indent=1)
    (target / CONFIGURATION).write_text(content, encoding="utf-8")
    for name in TOKENIZER if own_tokenizer else ():
        if (folder / name).is_file():
            (target / name).write_bytes((folder / name).read_bytes())
    return half


def _image_half(tensors: Mapping[str, torch.Tensor], configuration: Mapping[str, Any]) -> ImageHalf:
    vision = configuration["vision_cfg"]
    if "visual.conv1.weight" in tensors:
        patches, projection, offset = tensors["visual.conv1.weight"], tensors["visual.proj"], None
        of_class_token = vision.get("pool_type", "tok") == "tok" and not vision.get("attentional_pool", False)
    else:
        patches = tensors["visual.trunk.patch_embed.proj.weight"]
        names = ("visual.trunk.head", "visual.head.proj")
        layer = next((name for name in names if f"{name}.weight" in tensors), None)
        projection = torch.eye(int(configuration["embed_dim"])) if layer is None else tensors[f"{layer}.weight"].T
        offset = None if layer is None else tensors.get(f"{layer}.bias")
        of_class_token = vision.get("timm_pool") == "token"
    return ImageHalf(
        patches=patches.float(),
        projection=np.ascontiguousarray(projection.float().numpy()),
        offset=np.zeros(projection.shape[1], np.float32) if offset is None else offset.float().numpy(),
        scale=float(tensors["logit_scale"].float().exp()),
        of_class_token=of_class_token,
    )


class TextTower:
    """The half of text and its tokenizer, loaded from a folder that `lay_out` has made, never from a hub."""

    def __init__(self, folder: Path) -> None:
        """Load them.

        Raises:
            ConfigurationError: open_clip is not installed, or the files do not fit each other.
        """
        open_clip = _open_clip()
        configuration = read_configuration(folder)
        nothing = open_clip.CLIPVisionCfg(layers=1, width=64, patch_size=8, image_size=8)
        try:
            sizes = open_clip.CLIPTextCfg(**configuration["text_cfg"])
            quick = bool(configuration.get("quick_gelu", False))
            model = open_clip.CustomTextCLIP(int(configuration["embed_dim"]), nothing, sizes, quick_gelu=quick)
            self._network: Any = model.text
            tensors = load_file(folder / TEXT_HALF)
            known = self._network.state_dict().keys()
            self._network.load_state_dict({name: value for name, value in tensors.items() if name in known})
            safe = NOTHING_BUT_DATA if _has_own_tokenizer(configuration) else {}
            self._tokenizer: Any = open_clip.get_tokenizer(f"local-dir:{folder}", **safe)
        except ImportError as error:
            raise ConfigurationError(f"The tokenizer needs transformers: {error}. {INSTALL}") from error
        except (RuntimeError, SafetensorError, TypeError, ValueError, KeyError, OSError) as error:
            raise ConfigurationError(
                f"The files of the network of text do not fit each other: {error}. Fetch them again, all from one "
                "place."
            ) from error
        self._network = self._network.float().eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of length 1, float32 (P, t). Cost: a forward pass a prompt, in batches of 64."""
        found = []
        with one_core_a_batch():
            for start in range(0, len(prompts), AT_ONCE):
                vectors = self._network(self._tokenizer(list(prompts[start : start + AT_ONCE])))
                found.append(torch.nn.functional.normalize(vectors, dim=-1))
        result: npt.NDArray[np.float32] = torch.cat(found).numpy()
        return result

    def of_classes(self, classes: Sequence[str], prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The text of each class, float32 (C, t) of length 1: the mean over the prompts with its name put in."""
        sentences = [prompt.replace("{class}", as_words(name)) for name in classes for prompt in prompts]
        means = self(sentences).reshape(len(classes), len(prompts), -1).mean(axis=1)
        length = np.linalg.norm(means, axis=1, keepdims=True)
        return np.asarray(means / np.maximum(length, np.finfo(np.float32).tiny), np.float32)


def as_words(name: str) -> str:
    """A class name as a sentence has it: `polar_bear` → `polar bear`."""
    return " ".join(name.replace("_", " ").split())


def _open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ConfigurationError(INSTALL) from error
    return open_clip


def _has_own_tokenizer(configuration: Mapping[str, Any]) -> bool:
    """Whether the tokenizer is one of transformers, in files, and not that of CLIP, which open_clip carries."""
    return bool(configuration["text_cfg"].get("hf_tokenizer_name"))


def _lacking(folder: Path, name: str) -> str:
    return (
        f"The folder {folder} lacks {name}. Zero-shot start needs the files of the network of text: {CONFIGURATION}, "
        f"{BOTH_HALVES} and, for SigLIP, {TOKENIZER[0]}. Fetch them as `labelcycle backbones --json` says, and name "
        "the folder with --text-tower."
    )
