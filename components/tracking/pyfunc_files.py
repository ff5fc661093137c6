"""What makes a folder of safetensors a model that MLflow loads: `MLmodel`, code, requirements, signature, example.

The code is one file that names a class of labelcycle (MLflow calls this models from code), so nothing is pickled and
nothing inferred: MLflow's own `save_model` would load the model to see what it imports, which takes seconds.
"""

import base64
import json
import platform
import struct
import zlib
from importlib.metadata import version
from typing import Any

import yaml
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from numpy import dtype
from packaging.version import Version

from labelcycle.components.core.models.model_description import DESCRIPTION, ModelDescription

MODEL_FILE = "MLmodel"
CODE_FILE = "labelcycle_model.py"
REQUIREMENTS = "requirements.txt"
ENVIRONMENT = "python_env.yaml"
EXAMPLE = "input_example.json"
SERVED_EXAMPLE = "serving_input_example.json"

CODE = '''\
"""A model of a labelcycle campaign, for MLflow. It needs the package labelcycle, in the version of requirements.txt."""

from mlflow.models import set_model

from labelcycle.components.tracking.registered_classifier import RegisteredClassifier

set_model(RegisteredClassifier())
'''

SETTINGS = {"read_paths": False, "weights": ""}
"""What `mlflow.pyfunc.load_model(…, model_config={…})` may set: see `registered_classifier`."""

ON_FEATURES = ("labelcycle", "mlflow", "numpy", "pandas", "safetensors")
ON_IMAGES = ("pillow", "timm", "torch", "torchvision")
EXAMPLE_SIDE = 8
"""Pixels of the picture that is the example of an input: any size will do."""


def pyfunc_files(description: ModelDescription, model_id: str, run_id: str) -> dict[str, bytes]:
    """The files that MLflow needs beside those of the model, by path in the model's folder.

    Args:
        description: of the model, which is in the folder as `model.json`.
        model_id: MLflow's, of the logged model.
        run_id: MLflow's, of the cycle's run.
    """
    model = Model(
        run_id=run_id,
        model_id=model_id,
        model_uuid=model_id,
        signature=_signature(description),
        saved_input_example_info=_example_info(description),
        metadata={"campaign": description.campaign, "cycle": description.cycle, "space": description.space},
    )
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.loaders.code_model",
        python_version=platform.python_version(),
        model_code_path=CODE_FILE,
        env={"virtualenv": ENVIRONMENT},
        config=SETTINGS,
        artifacts={"description": {"path": DESCRIPTION, "uri": DESCRIPTION}},
        streamable=False,
    )
    return {
        MODEL_FILE: model.to_yaml().encode(),
        CODE_FILE: CODE.encode(),
        REQUIREMENTS: "".join(f"{name}\n" for name in _requirements(description)).encode(),
        ENVIRONMENT: _environment().encode(),
        EXAMPLE: json.dumps(_example(description)).encode(),
        SERVED_EXAMPLE: json.dumps({"inputs": _example(description)}).encode(),
    }


def _signature(description: ModelDescription) -> ModelSignature:
    """Images are one column of bytes without a name; features are rows of numbers.

    MLflow checks features by the signature. Of images it would make a `pandas.DataFrame` first, which takes no array of
    pixels. As it knows of signatures that come from type hints, the model checks those itself: `model_inputs` does.
    """
    if description.backbone is None:
        inputs = Schema([TensorSpec(_feature_type(description), (-1, description.width or 0))])
    else:
        inputs = Schema([ColSpec(DataType.binary)])
    outputs = [
        ColSpec(DataType.string, "predicted", required=False),
        ColSpec(DataType.double, "confidence", required=False),
        *(ColSpec(DataType.double, f"probability_{name}", required=False) for name in description.classes),
        ColSpec(DataType.string, "reason", required=False),
    ]
    signature = ModelSignature(inputs=inputs, outputs=Schema(outputs))
    signature._is_signature_from_type_hint = description.backbone is not None
    return signature


def _feature_type(description: ModelDescription) -> "dtype[Any]":
    """Double precision where single cannot hold the campaign's features."""
    scale = description.feature_scale
    single = scale is None or scale.as_feature_scale().held_by_single_precision
    return dtype("float32" if single else "float64")


def _requirements(description: ModelDescription) -> list[str]:
    """The packages that the model needs, in the versions that made it."""
    names = [*ON_FEATURES, *(ON_IMAGES if description.backbone else ()), *(["peft"] if description.adapter else [])]
    return [f"{name}=={Version(version(name)).public}" for name in sorted(names)]


def _environment() -> str:
    found = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": [f"-r {REQUIREMENTS}"],
    }
    text: str = yaml.safe_dump(found, sort_keys=False)
    return text


def _example_info(description: ModelDescription) -> dict[str, str]:
    """How MLflow reads the example."""
    info = {"artifact_path": EXAMPLE, "serving_input_path": SERVED_EXAMPLE}
    if description.backbone is None:
        return {**info, "type": "ndarray", "format": "tf-serving"}
    return {**info, "type": "json_object"}


def _example(description: ModelDescription) -> object:
    if description.backbone is None:
        scale = description.feature_scale
        return [[0.0] * (description.width or 0) if scale is None else scale.centre]
    return [base64.b64encode(_picture()).decode()]


def _picture() -> bytes:
    """A small PNG of a gradient: header, pixels and end, each with its checksum."""
    rows = b"".join(
        b"\0" + bytes(32 * value for column in range(EXAMPLE_SIDE) for value in (row, column, 0))
        for row in range(EXAMPLE_SIDE)
    )
    header = struct.pack(">IIBBBBB", EXAMPLE_SIDE, EXAMPLE_SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
