"""What a user of an exported model has to know, as plain values: where it comes from, what it takes, how good it is."""

import importlib.metadata
from typing import Literal

from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.storage.objects import Record
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.onnx_file import Parity


class ModelInput(Record):
    """What a model takes. What does not apply to it is left out.

    Attributes:
        name: of the input in the file.
        type: of its numbers.
        shape: `batch`, and the size of the other dimensions.
        colours: what the numbers are.
        resize_short_side_to: pixels.
        resize_both_sides_to: pixels, where the shape of an image is not kept.
        interpolation: by which an image is resized.
        crop_centre_to: pixels of each side.
        normalisation: where it is done.
        scaling: where features are centred and scaled.
    """

    name: str
    type: Literal["uint8", "float32", "float64"]
    shape: list[str | int]
    colours: str = ""
    resize_short_side_to: int | None = None
    resize_both_sides_to: int | None = None
    interpolation: str = ""
    crop_centre_to: int | None = None
    normalisation: str = ""
    scaling: str = ""


def model_card(chosen: Chosen, backbone: Backbone | None, taken: ModelInput, parity: Parity) -> dict[str, object]:
    """The content of `model_card.json`, but for the files.

    Args:
        chosen: the model.
        backbone: its network with the weights of its cycle, None for a model on features.
        taken: what the model's input is.
        parity: how it compares with labelcycle's own predictions.
    """
    metrics, objects = chosen.metrics, chosen.commit.objects
    adapter = objects.get("adapter_model")
    return {
        "campaign": chosen.campaign.identifier,
        "recipe": chosen.campaign.recipe.name,
        "cycle": chosen.commit.cycle,
        "commit": chosen.commit.digest,
        "champion": chosen.champion,
        "input": taken.as_json(),
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", len(chosen.campaign.classes)]},
        "classes": chosen.campaign.classes,
        "backbone": backbone and _described(backbone, tuned="backbone" in objects),
        "head_sha256": objects["head"].sha256,
        "adapter_sha256": None if adapter is None else adapter.sha256,
        "labels": metrics.labels,
        "test_set_sha256": metrics.test_set or chosen.campaign.truth.sha256,
        "metrics": {
            "accuracy": metrics.accuracy,
            "macro_f1": metrics.macro_f1,
            "ece": metrics.ece,
            "test_samples": metrics.test_samples,
            **({} if metrics.estimate is None else {"estimate": metrics.estimate.as_json()}),
        },
        "classes_metrics": [one.as_json() for one in metrics.classes],
        "parity": {"samples": parity.samples, "largest_difference": parity.difference},
        "versions": {name: importlib.metadata.version(name) for name in ("labelcycle", "torch", "timm", "onnx")},
    }


def pixels_taken(backbone: Backbone) -> ModelInput:
    """The input of a model on images, and how an image becomes it."""
    transform = backbone.transform
    size = transform.image_size
    resized, squashed = int(size / transform.crop_share), transform.crop_mode == "squash"
    return ModelInput(
        name="pixels",
        type="uint8",
        shape=["batch", 3, size, size],
        colours="RGB, 0 to 255",
        resize_short_side_to=None if squashed else resized,
        resize_both_sides_to=resized if squashed else None,
        interpolation=transform.interpolation,
        crop_centre_to=size,
        normalisation="in the model",
    )


def features_taken(width: int, scale: FeatureScale | None = None) -> ModelInput:
    """The input of a model on features: as the campaign's came, in double precision where single cannot hold these."""
    single = scale is None or scale.held_by_single_precision
    taken = ModelInput(name="features", type="float32" if single else "float64", shape=["batch", width])
    return taken if scale is None else taken.model_copy(update={"scaling": "in the model"})


def _described(backbone: Backbone, tuned: bool) -> dict[str, object]:
    """The network down to the bytes of its weights.

    The licence is that of timm's own weights of this name; it does not hold for weights of the user's.
    """
    import timm

    import labelcycle.components.core.backbones.embedded.model  # noqa: F401 - timm learns of the packaged network

    settings = timm.get_pretrained_cfg(backbone.name, allow_unregistered=True)
    return {
        "name": backbone.name,
        "weights_sha256": backbone.weights.sha256,
        "tuned": tuned,
        "licence_of_timm_weights": settings and settings.license,
        "transform": backbone.transform.model_dump(mode="json"),
        "pooling": backbone.pooling,
    }
