"""A cycle's model as MLflow loads it: the answers of `labelcycle predict`, to whatever it may be given."""

import base64
import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from mlflow.exceptions import MlflowException
from PIL import Image
from safetensors.torch import load_file, save_file

from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.model_description import ModelDescription, ScaleDescription
from labelcycle.components.tracking import track_campaign
from labelcycle.components.tracking.model_inputs import TAKEN
from labelcycle.components.tracking.model_registry import description, model_files
from labelcycle.components.tracking.pyfunc_files import pyfunc_files
from labelcycle.pipelines.models.choice import Chosen, choose_model
from labelcycle.pipelines.models.predict import predict_embeddings, predict_images
from tests.conftest import CLASSES, Pictures
from tests.pipelines.models.conftest import crown

with warnings.catch_warnings(action="ignore"):  # MLflow's own, of its own classes
    import mlflow.pyfunc
    from mlflow.models import convert_input_example_to_serving_input, validate_serving_input
    from mlflow.pyfunc import scoring_server

PROBABILITIES = [f"probability_{name}" for name in CLASSES]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def first(pictures: Pictures) -> Path:
    """One of the images."""
    return min(pictures.images.rglob("*.png"))


def written(chosen: Chosen, folder: Path) -> str:
    """The folder of a model, as MLflow downloads it."""
    described = description(chosen.store, chosen.campaign, chosen.commit, chosen.training.space)
    files = model_files(chosen.store, chosen.commit, described) | pyfunc_files(described, "m-0", "0" * 32)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(folder)


def predicted(chosen: Chosen, images: str, output: Path) -> list[dict[str, str]]:
    predict_images(chosen, images, str(output), probabilities=True)
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("trainer", ["linear", "lora", "logistic", "ft", "lora on two tokens"])
def test_it_answers_as_predict_does(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, trainer: str
) -> None:
    """By the packaged network, the campaign's own weights, an adapter, a tuned backbone, and other pooling."""
    chosen = choose_model(trained(trainer))
    model = mlflow.pyfunc.load_model(written(chosen, tmp_path / "model"))
    expected = predicted(chosen, str(pictures.images), tmp_path / "out.csv")
    found = model.predict([pictures.images / row["image"] for row in expected])
    assert list(found.columns) == ["predicted", "confidence", *PROBABILITIES, "reason"]
    assert found["predicted"].tolist() == [row["predicted"] for row in expected]
    probabilities = np.array([[float(row[name]) for name in PROBABILITIES] for row in expected])
    assert np.abs(found[PROBABILITIES].to_numpy() - probabilities).max() < 1e-3
    assert found["reason"].tolist() == [None] * 60


@pytest.fixture
def folder(trained: Callable[..., str], tmp_path: Path) -> str:
    """A model on images."""
    return written(choose_model(trained()), tmp_path / "model")


def test_paths_bytes_and_pixels_are_all_taken(folder: str, pictures: Pictures) -> None:
    model = mlflow.pyfunc.load_model(folder)
    path = first(pictures)
    data = path.read_bytes()
    pixels = np.asarray(Image.open(path).convert("RGB"))
    given: list[Any] = [
        [path],
        [data],
        data,
        pixels,
        pixels[None],
        torch.tensor(pixels),
        [torch.tensor(pixels)],
        Image.open(path),
        [Image.open(path)],
        np.stack([pixels, pixels]),
        [pixels],
        np.array([path]),
        pd.Series([pixels]),
        {"image": pixels[None]},
        {"image": list(pixels[None])},
        {"image": [pixels, pixels]},
        base64.b64encode(data).decode(),
        pd.DataFrame({"image": [path, data, pixels, base64.b64encode(data).decode()]}),
        pd.DataFrame({"id": ["a"], "image": [path]}),
        pd.DataFrame({"first of all": [path], "id": ["a"]}),
    ]
    answers = [model.predict(one) for one in given]
    assert {answer["reason"][0] for answer in answers} == {None}
    assert len({answer["confidence"][row] for answer in answers for row in range(len(answer))}) == 1


def test_a_list_of_pixels_has_images_of_any_size(folder: str) -> None:
    model = mlflow.pyfunc.load_model(folder)
    pixels = [np.full((height, 9, 3), 99, np.uint8) for height in (8, 12)]
    assert model.predict(pixels)["reason"].tolist() == [None, None]


@pytest.mark.parametrize(
    "nothing", [[], {}, pd.DataFrame(), pd.Series([], dtype=object), np.empty((0, 8, 8, 3), np.uint8)]
)
def test_nothing_has_no_rows(folder: str, nothing: Any) -> None:
    found = mlflow.pyfunc.load_model(folder).predict(nothing)
    assert len(found) == 0 and list(found.columns) == ["predicted", "confidence", *PROBABILITIES, "reason"]


def test_what_is_no_image_is_a_row_with_its_reason(folder: str) -> None:
    model = mlflow.pyfunc.load_model(folder)
    for given, reason in [
        (7, f"no image, but of type int; {TAKEN}"),
        ({1}, f"no image, but of type set; {TAKEN}"),
        (torch.ones(2, 2, 3, requires_grad=True), "pixels that are no array of NumPy: Can't call numpy() on Tensor.*"),
        (None, "no image"),
        (np.zeros((4, 4), np.uint8), "pixels are uint8 of shape (4,); they must be uint8 of shape (H, W, 3), RGB"),
        (np.ones((2, 4, 4, 3)), "pixels are float64 of shape (4, 4, 3); they must be uint8 of shape (H, W, 3), RGB"),
    ]:
        (found,) = set(model.predict(given)["reason"])
        assert re.fullmatch(re.escape(reason).replace(r"\.\*", ".*"), found)


def test_an_unreadable_image_is_a_row_with_its_reason(folder: str, pictures: Pictures, tmp_path: Path) -> None:
    model = mlflow.pyfunc.load_model(folder)
    good = first(pictures)
    wrong = [b"\xffno image", tmp_path / "missing.png", np.zeros((4, 4), np.uint8), np.ones((4, 4, 3)), None, 7.5]
    found = model.predict(pd.DataFrame({"image": [good, *wrong]}))
    assert found["predicted"].notna().tolist() == [True, *[False] * len(wrong)]
    reasons = found["reason"].tolist()
    assert (
        reasons[0] is None
        and reasons[1] == "not an image of a format that is read: JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF"
    )
    assert reasons[2] == "cannot be read: No such file or directory"
    assert reasons[3] == "pixels are uint8 of shape (4, 4); they must be uint8 of shape (H, W, 3), RGB"
    assert reasons[4].startswith("pixels are float64") and reasons[5:] == [
        "no image",
        f"no image, but of type float; {TAKEN}",
    ]
    assert found[["predicted", "confidence", *PROBABILITIES]].iloc[1:].map(lambda value: value is None).all(axis=None)


def served(model: Any, content: dict[str, Any] | str | bytes, kind: str = "application/json") -> list[dict[str, Any]]:
    """What MLflow's scoring server answers, by its own parsing and its own enforcement of the signature."""
    text = json.dumps(content) if isinstance(content, dict) else content
    data = text.encode() if isinstance(text, str) else text
    answer = scoring_server.invocations(data, kind, model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    rows: list[dict[str, Any]] = json.loads(answer.response, parse_constant=pytest.fail)["predictions"]
    return rows


def test_every_form_of_request_is_answered_alike(folder: str, pictures: Pictures) -> None:
    model = mlflow.pyfunc.load_model(folder)
    path = first(pictures)
    text = base64.b64encode(path.read_bytes()).decode()
    forms: list[dict[str, Any]] = [{"inputs": [text, "/w=="]}, {"inputs": {"image": [text, "/w=="]}}]
    parquet = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "image": [path.read_bytes(), b"\xff"]}), parquet)
    answers = [
        *(served(model, form) for form in forms),
        served(model, f"image\n{text}\n/w==\n", "text/csv"),
        served(model, parquet.getvalue(), "application/vnd.apache.parquet"),
    ]
    assert all(answer == answers[0] for answer in answers)
    good, bad = answers[0]
    assert good["predicted"] == model.predict([path])["predicted"][0] and good["reason"] is None
    assert bad["predicted"] is None and bad["confidence"] is None and bad["reason"]


@pytest.mark.parametrize("key", ["dataframe_split", "dataframe_records", "instances"])
def test_other_forms_of_json_are_refused_with_the_one_that_is_taken(folder: str, key: str) -> None:
    model = mlflow.pyfunc.load_model(folder)
    with pytest.raises(MlflowException, match="must be a dictionary with 'inputs' key") as refused:
        served(model, {key: ["/w=="]})
    assert refused.value.get_http_status_code() == 400


def test_a_model_whose_signature_mlflow_checks_answers_as_before(folder: str, pictures: Pictures) -> None:
    """One that an earlier version registered: its JSON forms are taken, and arrays under a name."""
    written = Path(folder) / "MLmodel"
    written.write_text(
        written.read_text().replace("is_signature_from_type_hint: true", "is_signature_from_type_hint: false")
    )
    model = mlflow.pyfunc.load_model(folder)
    path = first(pictures)
    text = base64.b64encode(path.read_bytes()).decode()
    pixels = np.asarray(Image.open(path).convert("RGB"))
    answers = [
        served(model, {"dataframe_split": {"columns": ["image"], "data": [[text]]}}),
        served(model, {"instances": [text]}),
        served(model, {"inputs": [text]}),
    ]
    assert answers[0] == answers[1] == answers[2] and answers[0][0]["reason"] is None
    assert model.predict({"image": pixels[None]})["reason"][0] is None
    with pytest.raises(MlflowException, match="Must pass 2-d input"):
        model.predict(pixels)


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "instances", "inputs", "csv", "parquet"])
def test_a_path_over_http_opens_nothing(
    folder: str, pictures: Pictures, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labelcycle.components.tracking import model_inputs

    model = mlflow.pyfunc.load_model(folder)
    path = str(first(pictures))
    monkeypatch.setattr(model_inputs, "read_image", lambda address: pytest.fail(f"{address} was opened"))
    parquet = io.BytesIO()
    pq.write_table(pa.table({"image": [path]}), parquet)
    bodies: dict[str, dict[str, Any] | str | bytes] = {
        "dataframe_split": {"dataframe_split": {"columns": ["image"], "data": [[path]]}},
        "dataframe_records": {"dataframe_records": [{"image": path}]},
        "instances": {"instances": [{"image": path}]},
        "inputs": {"inputs": [path]},
        "csv": f"image\n{path}\n",
        "parquet": parquet.getvalue(),
    }
    kinds = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
    try:
        (row,) = served(model, bodies[form], kinds.get(form, "application/json"))
    except MlflowException as error:
        assert error.get_http_status_code() == 400
    else:
        assert row["predicted"] is None and row["reason"]


def test_answers_keep_the_index_of_a_table(folder: str, pictures: Pictures) -> None:
    """Else joining them to the table would give nothing, or of a shuffled table the answers of other rows."""
    model = mlflow.pyfunc.load_model(folder)
    table = pd.DataFrame({"image": sorted(pictures.images.rglob("*.png"))[:8]}).iloc[[7, 2]]
    for given in (table, table["image"]):
        assert model.predict(given).index.tolist() == [7, 2]
    assert model.predict(list(table["image"])).index.tolist() == [0, 1]


def test_text_is_a_path_only_where_whoever_loads_the_model_says_so(folder: str, pictures: Pictures) -> None:
    path = str(first(pictures))
    reason = mlflow.pyfunc.load_model(folder).predict([path])["reason"][0]
    assert reason.startswith("text that is no base64") and "pathlib.Path" in reason and "read_paths" in reason
    model = mlflow.pyfunc.load_model(folder, model_config={"read_paths": True})
    assert model.predict(pd.DataFrame({"image": [path]}))["reason"][0] is None


def test_mlflow_finds_signature_example_and_requirements(folder: str) -> None:
    model = mlflow.pyfunc.load_model(folder)
    assert [column.type.name for column in model.metadata.get_input_schema()] == ["binary"]
    assert model.metadata.get_output_schema().input_names() == ["predicted", "confidence", *PROBABILITIES, "reason"]
    assert model.predict(model.input_example)["reason"].tolist() == [None]
    assert validate_serving_input(folder, convert_input_example_to_serving_input(model.input_example)) is not None
    body = json.loads((Path(folder) / "serving_input_example.json").read_text())
    assert served(model, body)[0]["predicted"] in CLASSES
    requirements = mlflow.pyfunc.get_model_dependencies(folder)
    pinned = dict(line.strip().split("==") for line in Path(requirements).read_text().splitlines())
    assert {"labelcycle", "mlflow", "torch", "timm", "pandas"} <= pinned.keys() and "peft" not in pinned
    assert "+" not in "".join(pinned.values())


def test_nothing_is_pickled(folder: str) -> None:
    endings = {path.suffix or path.name for path in Path(folder).rglob("*") if path.is_file()}
    assert endings == {".safetensors", ".json", ".py", ".txt", ".yaml", "MLmodel"}
    assert "cloudpickle" not in (Path(folder) / "MLmodel").read_text()


def test_weights_are_had_from_the_campaign_or_where_one_says(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path
) -> None:
    chosen = choose_model(trained("logistic"))
    folder = written(chosen, tmp_path / "model")
    backbone = chosen.campaign.backbone
    assert backbone is not None
    moved = tmp_path / "moved.safetensors"
    (Path(chosen.store.root) / backbone.weights.key).rename(moved)
    with pytest.raises(CampaignError, match=f"(?s){backbone.weights.sha256}.*{backbone.weights.key}.*model_config"):
        mlflow.pyfunc.load_model(folder)
    model = mlflow.pyfunc.load_model(folder, model_config={"weights": str(moved)})
    assert model.predict([first(pictures)])["reason"][0] is None
    given = load_file(moved)
    given_to_begin = tmp_path / "with-classifier.safetensors"
    save_file(given | {"head.weight": torch.zeros(3, 8), "head.bias": torch.zeros(3)}, given_to_begin)
    model = mlflow.pyfunc.load_model(folder, model_config={"weights": str(given_to_begin)})
    assert model.predict([first(pictures)])["reason"][0] is None
    some = next(iter(given))
    save_file(given | {some: given[some] + 1}, given_to_begin)
    with pytest.raises(ConfigurationError, match="has other weights than this model's"):
        mlflow.pyfunc.load_model(folder, model_config={"weights": str(given_to_begin)})
    moved.write_bytes(b"others")
    with pytest.raises(ConfigurationError, match="has other weights than this model's"):
        mlflow.pyfunc.load_model(folder, model_config={"weights": str(moved)})
    with pytest.raises(ConfigurationError, match="There is no file"):
        mlflow.pyfunc.load_model(folder, model_config={"weights": f"{moved}.gone"})


def test_features(on_embeddings: str, embeddings: Path, tmp_path: Path) -> None:
    crown(on_embeddings)
    chosen = choose_model(on_embeddings)
    predict_embeddings(chosen, str(embeddings), str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(newline="") as file:
        expected = {row["image"]: row["predicted"] for row in csv.DictReader(file)}
    content = np.load(embeddings)
    features = content["features"].astype(np.float32)
    model = mlflow.pyfunc.load_model(written(chosen, tmp_path / "model"))
    for given in (features, pd.DataFrame({"features": list(features)}), pd.DataFrame(features)):
        assert model.predict(given)["predicted"].tolist() == [expected[name] for name in content["ids"]]
    lost = features[:2].copy()
    lost[1, 0] = np.nan
    assert model.predict(lost)["reason"].map(bool).tolist() == [False, True]
    rows = features[:2].tolist()
    forms: list[dict[str, Any]] = [
        {"inputs": rows},
        {"instances": rows},
        {"dataframe_split": {"columns": ["features"], "data": [[row] for row in rows]}},
    ]
    answers = [served(model, form) for form in forms]
    assert answers[0] == answers[1] == answers[2]
    with pytest.raises(MlflowException, match="does not match expected shape"):
        model.predict(features[:, 1:])
    assert "torch" not in (tmp_path / "model" / "requirements.txt").read_text()


@pytest.mark.usefixtures("mlflow")
def test_the_champion_is_loaded_from_the_registry(on_embeddings: str, embeddings: Path) -> None:
    track_campaign(on_embeddings)
    chosen = choose_model(on_embeddings)
    model = mlflow.pyfunc.load_model(f"models:/labelcycle-{chosen.campaign.identifier}@champion")
    content = np.load(embeddings)
    test = content["splits"] == "test"
    found = model.predict(content["features"][test].astype(np.float32))["predicted"]
    assert float(np.mean(found == content["labels"][test])) == chosen.metrics.accuracy
    assert model.metadata.metadata["cycle"] == chosen.commit.cycle


def test_features_that_were_scaled_are_scaled_again(tmp_path: Path) -> None:
    """They come in double precision where single cannot hold them."""
    row = np.ones(3, np.float32)
    head = LinearHead(0 * row, row, row, 0 * row, np.eye(2, 3, dtype=np.float32), row[:2])
    described = ModelDescription(
        campaign="far-off",
        cycle=1,
        attempt="a",
        classes=["cat", "dog"],
        space="s",
        backbone=None,
        adapter=False,
        width=3,
        feature_scale=ScaleDescription(centre=[1e9, 0.0, 0.0], scale=[2.0, 1.0, 1.0]),
    )
    files = pyfunc_files(described, "m-0", "0" * 32) | {
        "model.json": canonical_json(described.as_json()),
        "head.safetensors": head.to_bytes(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    model = mlflow.pyfunc.load_model(str(tmp_path))
    assert [column.type for column in model.metadata.get_input_schema()] == [np.dtype("float64")]
    found = model.predict(np.array([[1e9 + 8, 0, 0], [1e9, 4, 0]]))
    expected = head.probabilities(np.array([[4, 0, 0], [0, 4, 0]], np.float16))
    assert np.abs(found[["probability_cat", "probability_dog"]].to_numpy() - expected).max() < 1e-6
    assert model.predict(model.input_example)["reason"].tolist() == [None]
