"""Exported models: the same probabilities by ONNX Runtime, and nothing kept where they are not."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelcycle.components.core.campaign.campaign import KEY, load_campaign
from labelcycle.components.core.digests import digest_of_file
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from labelcycle.pipelines.models import export, onnx_file
from labelcycle.pipelines.models import export as campaign_samples
from labelcycle.pipelines.models.choice import Chosen, choose_model
from labelcycle.pipelines.models.export import Exported, export_model
from labelcycle.pipelines.models.onnx_file import compare
from labelcycle.pipelines.models.predict import predict_embeddings, predict_images
from tests.conftest import CLASSES, Pictures
from tests.pipelines.models.conftest import ON_THE_PACKAGED_NETWORK, RECIPES, crown, run_to_the_end

FILES = ["labels.json", "model.onnx", "model_card.json"]


def session(folder: Path) -> Any:
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="session")
def exported_once(
    trained_once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Chosen, Exported, Path]]:
    """A function: trainer → a model that it made, the answer of its export, and the folder. Tests only read it."""
    made: dict[str, tuple[Chosen, Exported, Path]] = {}

    def exported(trainer: str) -> tuple[Chosen, Exported, Path]:
        if trainer not in made:
            root, folder = str(trained_once(trainer)), tmp_path_factory.mktemp("exported")
            crown(root)
            chosen = choose_model(root)
            made[trainer] = chosen, export_model(chosen, str(folder)), folder
        return made[trainer]

    return exported


@pytest.mark.parametrize("trainer", RECIPES)
def test_a_user_gets_the_predictions_of_labelcycle(
    exported_once: Callable[..., Any], pictures: Pictures, tmp_path: Path, trainer: str
) -> None:
    """With the card alone: resize, crop, give uint8 pixels, read the class from labels.json."""
    chosen, done, folder = exported_once(trainer)
    assert done.parity.samples == 12 and done.parity.holds and done.parity.difference < 1e-3
    assert sorted(path.name for path in folder.iterdir()) == FILES
    card = json.loads((folder / "model_card.json").read_bytes())
    classes = json.loads((folder / "labels.json").read_bytes())
    taken = card["input"]
    model = session(folder)
    size = taken["crop_centre_to"]
    side = 64 if trainer in ON_THE_PACKAGED_NETWORK else 16
    assert (size, taken["resize_short_side_to"], taken["interpolation"]) == (side, side, "bicubic")
    assert classes == card["classes"] == CLASSES
    predict_images(chosen, str(pictures.images), str(tmp_path / "own.parquet"))
    own = {row["image"]: row for row in pq.read_table(tmp_path / "own.parquet").to_pylist()}
    names = ["red/00.png", "green/11.png", "blue/19.png"]
    pixels = [
        np.asarray(Image.open(pictures.images / name).convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
        for name in names
    ]
    (probabilities,) = model.run(["probabilities"], {"pixels": np.stack(pixels).transpose(0, 3, 1, 2)})
    assert probabilities.dtype == np.float32
    for name, row in zip(names, probabilities, strict=True):
        assert classes[row.argmax()] == own[name]["predicted"]
        assert row.tolist() == pytest.approx(own[name]["probabilities"], abs=1e-3)


def test_the_card_tells_what_it_is(exported_once: Callable[..., Any]) -> None:
    chosen, _, folder = exported_once("lora")
    card = json.loads((folder / "model_card.json").read_bytes())
    metrics, objects = chosen.metrics, chosen.commit.objects
    assert card["metrics"]["accuracy"] == metrics.accuracy and card["labels"] == 8
    assert (card["cycle"], card["commit"], card["champion"]) == (1, chosen.commit.digest, True)
    assert card["adapter_sha256"] == objects["adapter_model"].sha256
    assert card["head_sha256"] == objects["head"].sha256
    backbone = card["backbone"]
    assert (backbone["name"], backbone["tuned"]) == ("labelcycle_vit_tiny_patch8_64", False)
    assert chosen.campaign.backbone is not None
    assert backbone["weights_sha256"] == chosen.campaign.backbone.weights.sha256
    assert backbone["licence_of_timm_weights"] == "apache-2.0"
    assert card["files"] == {"model.onnx": digest_of_file(folder / "model.onnx")}


def test_the_card_of_a_tuned_backbone_has_its_own_weights(exported_once: Callable[..., Any]) -> None:
    chosen, _, folder = exported_once("ft")
    backbone = json.loads((folder / "model_card.json").read_bytes())["backbone"]
    assert backbone["tuned"] and backbone["weights_sha256"] == chosen.commit.objects["backbone"].sha256


def test_an_adapter_left_out_is_noticed(
    trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is against what labelcycle predicts, not against what was exported."""
    from labelcycle.components.core.backbones.build import build_backbone
    from labelcycle.pipelines.models.network import backbone_of

    root = trained("lora")
    real = export.MergedClassifier

    def without_adapter(network: Any, transform: Any, head: Any) -> Any:
        chosen = choose_model(root)
        return real(build_backbone(chosen.store, backbone_of(chosen)), transform, head)

    monkeypatch.setattr(export, "MergedClassifier", without_adapter)
    (tmp_path / "out").mkdir()
    with pytest.raises(CampaignError, match=r"differs from the champion, of cycle 1.*Nothing was written"):
        export_model(choose_model(root), str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


def test_another_class_is_refused_even_where_the_difference_is_small() -> None:
    own = np.array([[0.5001, 0.4999], [0.9, 0.1]], np.float32)
    swapped = compare(np.array([[0.4999, 0.5001], [0.9, 0.1]], np.float32), own)
    assert (swapped.disagreements, swapped.holds) == (1, False) and swapped.difference < 1e-3
    assert not compare(np.array([[0.51, 0.49], [0.9, 0.1]], np.float32), own).holds
    assert compare(own, own).holds


def test_features_of_a_campaign_on_embeddings(on_embeddings: str, tmp_path: Path) -> None:
    crown(on_embeddings)
    chosen = choose_model(on_embeddings)
    export_model(chosen, str(tmp_path))
    card = json.loads((tmp_path / "model_card.json").read_bytes())
    assert card["input"] == {"name": "features", "type": "float32", "shape": ["batch", 8]}
    assert card["backbone"] is None
    features = campaign_samples.sample_features(chosen).astype(np.float32)
    (probabilities,) = session(tmp_path).run(["probabilities"], {"features": features})
    assert np.abs(probabilities - chosen.head.probabilities(features)).max() < 1e-5


@pytest.mark.parametrize("recipe", ["linear_probe", "logistic"])
@pytest.mark.parametrize(
    ("factor", "offset", "taken"),
    [(1e-8, 0, "float32"), (1, 5000, "float32"), (0.02, 6e4, "float64"), (1e-45, 0, "float64")],
    ids=["tiny", "offset", "beyond float32", "below float32"],
)
def test_features_that_were_scaled_are_taken_as_they_came(
    embeddings: Path, tmp_path: Path, recipe: str, factor: float, offset: float, taken: str
) -> None:
    content = dict(np.load(embeddings))
    content["features"] = content["features"].astype(np.float64) * factor + offset
    np.savez(tmp_path / "raw.npz", **content)
    root = str(tmp_path / "campaign")
    settings: dict[str, Any] = RECIPES["logistic" if recipe == "logistic" else "linear"]
    begin_campaign(root, CampaignSettings(embeddings=str(tmp_path / "raw.npz"), budget=8, batch=8, **settings))
    run_to_the_end(root)
    chosen = choose_model(root, cycle=1)
    folder = tmp_path / "out"
    assert export_model(chosen, str(folder)).parity.holds
    described = json.loads((folder / "model_card.json").read_bytes())["input"]
    assert described == {"name": "features", "type": taken, "shape": ["batch", 8], "scaling": "in the model"}
    (probabilities,) = session(folder).run(["probabilities"], {"features": content["features"].astype(taken)})
    predict_embeddings(chosen, str(tmp_path / "raw.npz"), str(tmp_path / "own.parquet"))
    own = {row["image"]: row["probabilities"] for row in pq.read_table(tmp_path / "own.parquet").to_pylist()}
    expected = np.array([own[name] for name in content["ids"]])
    assert np.abs(probabilities - expected).max() < 2e-3
    right = np.array(json.loads((folder / "labels.json").read_bytes()))[probabilities.argmax(axis=1)]
    assert np.mean(right == content["labels"]) > 0.7


def test_a_network_of_bfloat16_is_exported_in_single_precision(
    trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labelcycle.components.core.backbones import build as bfloat16

    monkeypatch.setattr(bfloat16, "processor_multiplies_bfloat16", lambda: True)
    root = trained()
    store = open_store(root)
    campaign = load_campaign(store)
    assert campaign.backbone is not None
    rough = campaign.backbone.model_copy(update={"precision": "bfloat16"})
    store.write(KEY, campaign.model_copy(update={"backbone": rough}).as_bytes())
    chosen = choose_model(root)
    assert chosen.campaign.backbone is not None and chosen.campaign.backbone.precision == "bfloat16"
    assert export_model(chosen, str(tmp_path / "out")).parity.difference < 1e-3


@pytest.mark.parametrize("package", onnx_file.PACKAGES)
def test_a_package_that_is_missing_is_named(
    trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError, match=rf'{package}.*pip install "labelcycle\[export\]"'):
        export_model(choose_model(trained()), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_images_that_are_gone(trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = choose_model(trained())
    from labelcycle.components.core.images.decode import UnreadableImage

    def gone(uri: str, sha256: str) -> bytes:
        raise UnreadableImage("cannot be read: no such file")

    monkeypatch.setattr(campaign_samples, "read_unchanged_image", gone)
    with pytest.raises(InputError, match="cannot be tried .*no such file"):
        export_model(chosen, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("place", "error"), [("file", ConfigurationError), ("s3://bucket/x", ConfigurationError)])
def test_an_output_that_is_no_folder(
    trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(error, match="is not a folder of this machine"):
        export_model(choose_model(trained()), place)


def test_an_output_that_cannot_be_written(trained: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransientError, match="Cannot write to"):
        export_model(choose_model(trained()), str(tmp_path / "file/out"))


def test_a_network_that_torch_cannot_write(
    trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    class Branching(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.float().flatten(1) if pixels.float().sum() > 0 else pixels.float().mean((2, 3))

    monkeypatch.setattr(export, "MergedClassifier", lambda *_: Branching())
    with pytest.raises(ConfigurationError, match="torch cannot write this network as ONNX"):
        export_model(choose_model(trained()), str(tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())


def test_large_weights_lie_beside(trained: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "write_onnx", partial(onnx_file.write_onnx, largest_file=1_000))
    export_model(choose_model(trained("logistic")), str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted([*FILES, "model.onnx.data"])
    card = json.loads((tmp_path / "model_card.json").read_bytes())
    assert sorted(card["files"]) == ["model.onnx", "model.onnx.data"]
    assert session(tmp_path).get_inputs()[0].shape == ["batch", 3, 16, 16]


def test_a_convolutional_network(tmp_path: Path, pictures: Pictures) -> None:
    """Batch normalisation inside the network, and a crop."""
    import timm
    from safetensors.torch import save_file

    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
    from tests.conftest import Bench

    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("resnet10t", num_classes=0).state_dict(), str(weights))
    root = str(tmp_path / "campaign")
    begin_campaign(
        root,
        CampaignSettings(
            images=str(pictures.images),
            labels_from=str(pictures.labels),
            test=str(pictures.test),
            recipe="linear_probe",
            overrides=RECIPES["linear"]["overrides"],
            budget=8,
            batch=8,
            backbone="resnet10t",
            weights=str(weights),
            image_size=32,
            crop_share=0.8,
        ),
    )
    campaign = Bench(root)
    while campaign.state.phase != "done":
        campaign.run_cycle()
    chosen = choose_model(root, cycle=1)
    done = export_model(chosen, str(tmp_path / "out"))
    assert done.parity.samples == 12 and done.parity.holds
    card = json.loads((tmp_path / "out/model_card.json").read_bytes())
    assert (card["input"]["resize_short_side_to"], card["input"]["crop_centre_to"]) == (40, 32)
