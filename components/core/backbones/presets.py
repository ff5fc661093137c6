"""Short names of the backbones that people use most, each with the input, the tokens and the licence that go with it.

timm knows most of this, but not all: DINOv2's configuration asks for 518 pixels, five times the work of 224; DINOv3's
averages patches where its class token serves better; OpenAI's CLIP is there twice, and only the networks called
`quickgelu` have the activation that it was trained with. Plain data: neither timm nor torch is loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from labelcycle.components.core.config.embedding import AskedPooling
from labelcycle.components.core.errors import near_miss

Channels3 = tuple[float, float, float]

IMAGENET: tuple[Channels3, Channels3] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF: tuple[Channels3, Channels3] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP: tuple[Channels3, Channels3] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
"""Mean and deviation of red, green and blue, as networks were trained with them."""


@dataclass(frozen=True)
class Preset:
    """A backbone as `--backbone` takes it.

    Attributes:
        name: such as `dinov2-small`.
        network: timm's name, with the tag of its weights.
        parameters: numbers in its weights, without a classifier.
        width: numbers in a token, and in a feature vector but where two tokens stand side by side.
        licence: of the weights, as timm states it.
        image_size: pixels a side of its input.
        colours: mean and deviation.
        crop_share: of the image that the centre crop keeps.
        crop_mode: `squash` for networks that see the whole image, whatever its shape.
        pooling: what stands for a recipe's `network`, the way its authors use it.
        auto: what stands for a recipe's `auto`.
        weights: repository on the hub, where that is not timm's for `network`.
        text: open_clip's name of the network of text that it was trained with; empty where there is none.
        text_weights: repository on the hub that has the weights of both, in open_clip's form.
    """

    name: str
    network: str
    parameters: int
    width: int
    licence: str
    image_size: int
    colours: tuple[Channels3, Channels3]
    crop_share: float = 1.0
    crop_mode: Literal["center", "squash"] = "center"
    pooling: AskedPooling = "network"
    auto: AskedPooling = "network"
    weights: str = ""
    text: str = ""
    text_weights: str = ""

    @property
    def hub(self) -> str:
        """The repository on the Hugging Face hub that has the weights."""
        return self.weights or f"timm/{self.network}"

    @property
    def fetch(self) -> str:
        """The command by which a machine with a network fetches the file for `--weights`."""
        return f"hf download {self.hub} model.safetensors --local-dir {self.name}"

    @property
    def fetch_text(self) -> str:
        """The command by which a machine with a network fetches the folder for `--text-tower`; empty without text."""
        files = "open_clip_config.json open_clip_model.safetensors tokenizer.json tokenizer_config.json"
        return f"hf download {self.text_weights} {files} --local-dir {self.name}-text" if self.text else ""

    def asked(self, pooling: AskedPooling) -> AskedPooling:
        """What a recipe's `embedding.pooling` comes to for this network."""
        return {"network": self.pooling, "auto": self.auto}.get(pooling, pooling)


def _dinov2(size: str, parameters: int, width: int) -> Preset:
    network = f"vit_{size}_patch14_reg4_dinov2.lvd142m"
    return Preset(
        f"dinov2-{size}",
        network,
        parameters,
        width,
        "apache-2.0",
        224,
        IMAGENET,
        crop_share=0.875,
        auto="cls_mean",
    )


def _dinov3(size: str, parameters: int, width: int) -> Preset:
    network = f"vit_{size}_patch16_dinov3.lvd1689m"
    return Preset(
        f"dinov3-{size}",
        network,
        parameters,
        width,
        "dinov3-license",
        256,
        IMAGENET,
        pooling="cls",
        auto="cls_mean",
    )


def _siglip2(size: str, parameters: int, width: int) -> Preset:
    text = {"base": "ViT-B-16-SigLIP2-256", "large": "ViT-L-16-SigLIP2-256", "so400m": "ViT-SO400M-16-SigLIP2-256"}
    return Preset(
        f"siglip2-{size}",
        f"vit_{size}_patch16_siglip_256.v2_webli",
        parameters,
        width,
        "apache-2.0",
        256,
        HALF,
        crop_share=0.9,
        text=text[size],
        text_weights=f"timm/{text[size]}",
    )


def _pe_core(size: str, patch: str, parameters: int, width: int, image_size: int, text: str) -> Preset:
    network = f"vit_pe_core_{size}_{patch}_{image_size}.fb"
    return Preset(
        f"pe-core-{size}",
        network,
        parameters,
        width,
        "apache-2.0",
        image_size,
        HALF,
        text=text,
        text_weights=f"timm/{text}",
    )


def _clip(size: str, network: str, text: str, laion: str = "", colours: tuple[Channels3, Channels3] = CLIP) -> Preset:
    parameters, width = {"base": (85_799_424, 768), "large": (303_179_776, 1024)}[size]
    hub = f"timm/{network.replace('_quickgelu', '')}"
    return Preset(
        f"clip-{size}-laion" if laion else f"clip-{size}",
        network,
        parameters,
        width,
        "apache-2.0",
        224,
        colours,
        weights=hub,
        text=text,
        text_weights=laion or hub,
    )


def _eva02(size: str, parameters: int, width: int) -> Preset:
    network = f"eva02_{size}_patch14_448.mim_in22k_ft_in22k"
    return Preset(f"eva02-{size}", network, parameters, width, "mit", 448, CLIP, crop_mode="squash")


ALL = (
    _dinov2("small", 21_629_952, 384),
    _dinov2("base", 85_727_232, 768),
    _dinov2("large", 303_230_976, 1024),
    _dinov2("giant", 1_134_774_272, 1536),
    _dinov3("small", 21_586_944, 384),
    _dinov3("base", 85_641_216, 768),
    _dinov3("large", 303_079_424, 1024),
    _siglip2("base", 92_930_304, 768),
    _siglip2("large", 315_956_224, 1024),
    _siglip2("so400m", 427_888_064, 1152),
    _pe_core("base", "patch16", 92_886_528, 768, 224, "PE-Core-B-16"),
    _pe_core("large", "patch14", 316_102_656, 1024, 336, "PE-Core-L-14-336"),
    _clip("base", "vit_base_patch16_clip_quickgelu_224.openai", "ViT-B-16-quickgelu"),
    _clip("base", "vit_base_patch16_clip_224.laion2b", "ViT-B-16", "laion/CLIP-ViT-B-16-laion2B-s34B-b88K"),
    _clip("large", "vit_large_patch14_clip_quickgelu_224.openai", "ViT-L-14-quickgelu"),
    _clip("large", "vit_large_patch14_clip_224.laion2b", "ViT-L-14", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", HALF),
    _eva02("base", 86_348_544, 768),
    _eva02("large", 304_055_232, 1024),
    Preset("aimv2-large", "aimv2_large_patch14_224.apple_pt", 309_197_824, 1024, "apple-ascl", 224, CLIP),
)

PRESETS = {preset.name: preset for preset in ALL}


def preset_of(name: str) -> Preset | None:
    """The preset of this name; None where the name is not one, such as timm's own."""
    return PRESETS.get(name)


def preset_of_network(network: str) -> Preset | None:
    """The preset of timm's network of this name; None where it has none."""
    return next((preset for preset in ALL if preset.network == network), None)


def near_preset(name: str) -> str:
    """` Did you mean 'dinov2-small'?` for a name that is nearly that of a preset; empty where none is."""
    return near_miss(name, PRESETS)


def image_text_presets() -> Iterator[Preset]:
    """Those that were trained together with a network of text."""
    return (preset for preset in ALL if preset.text)
