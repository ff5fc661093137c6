"""Image-text models of random weights, small enough for tests: CLIP, SigLIP and one with a projection like PE's.

Their halves of images are timm networks that this module registers; whole models are folders in open_clip's form. CLIP
and SigLIP are made by transformers, and renamed.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from timm.layers import LayerNorm
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

SIDE, PATCH, WIDTH, TEXT_WIDTH, EMBEDDED = 16, 8, 32, 24, 20
"""Pixels a side and of a patch, numbers in a token of each half, and where both meet."""

CLIP, SIGLIP, PROJECTED = "labelcycle_tiny_clip", "labelcycle_tiny_siglip", "labelcycle_tiny_projected"

_CFG = {
    "input_size": (3, SIDE, SIDE),
    "interpolation": "bicubic",
    "crop_pct": 1.0,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "num_classes": 0,
    "pool_size": None,
    "first_conv": "patch_embed.proj",
    "classifier": "head",
}

# timm's register_model looks this name up in the module.
default_cfgs = generate_default_cfgs({f"{name}.random": dict(_CFG) for name in (CLIP, SIGLIP, PROJECTED)})

_SIZES = {"img_size": SIDE, "patch_size": PATCH, "embed_dim": WIDTH, "depth": 2, "num_heads": 2}


def _network(name: str, pretrained: bool, **options: Any) -> Any:
    return build_model_with_cfg(
        VisionTransformer,
        name,
        pretrained,
        pretrained_filter_fn=checkpoint_filter_fn,
        feature_cfg={"out_indices": 3, "feature_cls": "getter"},
        **(_SIZES | options),
    )


def labelcycle_tiny_clip(pretrained: bool = False, **options: Any) -> Any:
    """A class token, a norm before the blocks, QuickGELU."""
    made = {"pre_norm": True, "norm_layer": partial(LayerNorm, eps=1e-5), "act_layer": "quick_gelu"}
    return _network(CLIP, pretrained, **(made | options))


def labelcycle_tiny_siglip(pretrained: bool = False, **options: Any) -> Any:
    """No class token; attention pools."""
    made = {"class_token": False, "global_pool": "map", "act_layer": "gelu_tanh"}
    return _network(SIGLIP, pretrained, **(made | options))


def labelcycle_tiny_projected(pretrained: bool = False, **options: Any) -> Any:
    """A class token; attention pools, and a layer with an offset follows it."""
    return _network(PROJECTED, pretrained, **({"global_pool": "map"} | options))


for _make in (labelcycle_tiny_clip, labelcycle_tiny_siglip, labelcycle_tiny_projected):
    register_model(_make)


def _shaken(model: Any) -> Any:
    """The model with all of its weights random, also those that begin at 0 or 1."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return model.eval()


def clip_of_transformers() -> Any:
    """CLIP by transformers, with the words of its own tokenizer."""
    from transformers import CLIPConfig, CLIPModel

    shared = {"num_hidden_layers": 2, "hidden_act": "quick_gelu"}
    text = {"hidden_size": TEXT_WIDTH, "intermediate_size": 4 * TEXT_WIDTH, "num_attention_heads": 2, **shared}
    text |= {"vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406}
    vision = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 2, **shared}
    vision |= {"image_size": SIDE, "patch_size": PATCH}
    return _shaken(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=EMBEDDED)))


def siglip_of_transformers() -> Any:
    """SigLIP by transformers, which knows 40 words."""
    from transformers import SiglipConfig, SiglipModel

    shared = {"num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "vocab_size": 40, "max_position_embeddings": 16}
    vision = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "image_size": SIDE, "patch_size": PATCH}
    return _shaken(SiglipModel(SiglipConfig(text_config=text | shared, vision_config=vision | shared)))


def _blocks(state: dict[str, Any], source: str, target: str, names: dict[str, str]) -> dict[str, Any]:
    """Blocks of transformers under other names, with queries, keys and values joined."""
    renamed = {"self_attn.out_proj": "attn.out_proj"} | names
    found = {}
    for name, value in state.items():
        if not name.startswith(f"{source}.layers."):
            continue
        number, _, rest = name.removeprefix(f"{source}.layers.").partition(".")
        part, _, kind = rest.rpartition(".")
        if part.endswith("q_proj"):
            joined = torch.cat([state[name.replace("q_proj", f"{which}_proj")] for which in "qkv"])
            found[f"{target}.{number}.{names['qkv'].format(kind)}"] = joined
        elif not part.endswith(("k_proj", "v_proj")):
            found[f"{target}.{number}.{renamed[part]}.{kind}"] = value
    return found


OPEN_CLIP = {
    "qkv": "attn.in_proj_{}",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
TIMM = {
    "qkv": "attn.qkv.{}",
    "self_attn.out_proj": "attn.proj",
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


def _text_half(state: dict[str, Any]) -> dict[str, Any]:
    embeddings = "text_model.embeddings"
    return {
        "token_embedding.weight": state[f"{embeddings}.token_embedding.weight"],
        "positional_embedding": state[f"{embeddings}.position_embedding.weight"],
        "ln_final.weight": state["text_model.final_layer_norm.weight"],
        "ln_final.bias": state["text_model.final_layer_norm.bias"],
        **_blocks(state, "text_model.encoder", "transformer.resblocks", OPEN_CLIP),
    }


def _write(folder: Path, configuration: dict[str, Any], state: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": configuration}))
    tensors = {name: value.detach().clone().contiguous() for name, value in state.items()}
    save_file(tensors, folder / "open_clip_model.safetensors")


def write_clip(model: Any, folder: Path) -> Path:
    """Write CLIP in open_clip's form into a new folder. Returns the file of the backbone's weights, in timm's form."""
    state = model.state_dict()
    vision = "vision_model"
    whole = {
        **_text_half(state),
        "text_projection": state["text_projection.weight"].T,
        "logit_scale": state["logit_scale"],
        "visual.class_embedding": state[f"{vision}.embeddings.class_embedding"],
        "visual.conv1.weight": state[f"{vision}.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": state[f"{vision}.embeddings.position_embedding.weight"],
        "visual.proj": state["visual_projection.weight"].T,
        **{
            f"visual.{ours}.{kind}": state[f"{vision}.{theirs}.{kind}"]
            for ours, theirs in (("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm"))
            for kind in ("weight", "bias")
        },
        **_blocks(state, f"{vision}.encoder", "visual.transformer.resblocks", OPEN_CLIP),
    }
    configuration = {
        "embed_dim": EMBEDDED,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": SIDE,
            "layers": 2,
            "width": WIDTH,
            "head_width": WIDTH // 2,
            "patch_size": PATCH,
        },
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": TEXT_WIDTH, "heads": 2, "layers": 2},
    }
    _write(folder, configuration, whole)
    backbone = checkpoint_filter_fn(dict(whole), timm.create_model(CLIP, num_classes=EMBEDDED))
    weights = folder.parent / f"{CLIP}.safetensors"
    save_file({name: value.contiguous() for name, value in backbone.items()}, weights)
    return weights


def write_siglip(model: Any, folder: Path) -> Path:
    """The same for SigLIP; its tokenizer knows the letters of the alphabet as words."""
    state = model.state_dict()
    vision, head = "vision_model", "vision_model.head"
    backbone = {
        "patch_embed.proj.weight": state[f"{vision}.embeddings.patch_embedding.weight"],
        "patch_embed.proj.bias": state[f"{vision}.embeddings.patch_embedding.bias"],
        "pos_embed": state[f"{vision}.embeddings.position_embedding.weight"][None],
        "norm.weight": state[f"{vision}.post_layernorm.weight"],
        "norm.bias": state[f"{vision}.post_layernorm.bias"],
        "attn_pool.latent": state[f"{head}.probe"],
        **_blocks(state, f"{vision}.encoder", "blocks", TIMM),
    }
    for kind in ("weight", "bias"):
        joined = state[f"{head}.attention.in_proj_{kind}"]
        backbone[f"attn_pool.q.{kind}"], backbone[f"attn_pool.kv.{kind}"] = joined[:WIDTH], joined[WIDTH:]
        backbone[f"attn_pool.proj.{kind}"] = state[f"{head}.attention.out_proj.{kind}"]
        backbone[f"attn_pool.norm.{kind}"] = state[f"{head}.layernorm.{kind}"]
        for layer in ("fc1", "fc2"):
            backbone[f"attn_pool.mlp.{layer}.{kind}"] = state[f"{head}.mlp.{layer}.{kind}"]
    text = _text_half(state) | {
        f"text_projection.{kind}": state[f"text_model.head.{kind}"] for kind in ("weight", "bias")
    }
    whole = {
        "logit_scale": state["logit_scale"],
        "logit_bias": state["logit_bias"],
        **{f"text.{name}": value for name, value in text.items()},
        **{f"visual.trunk.{name}": value for name, value in backbone.items()},
    }
    configuration = {
        "embed_dim": WIDTH,
        "custom_text": True,
        "init_logit_bias": -10,
        "vision_cfg": {"image_size": SIDE, "timm_model_name": SIGLIP, "timm_pool": "map", "timm_proj": "none"},
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 40,
            "width": WIDTH,
            "heads": 2,
            "layers": 2,
            "hf_tokenizer_name": "nobody/nothing",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
            "act_kwargs": {"approximate": "tanh"},
        },
    }
    _write(folder, configuration, whole)
    _write_tokenizer(folder)
    weights = folder.parent / f"{SIGLIP}.safetensors"
    save_file({name: value.clone().contiguous() for name, value in backbone.items()}, weights)
    return weights


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "a", "photo", "of", "red", "green", "blue"]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
