"""ONNX files: written by torch, run by ONNX Runtime, and compared with labelcycle's own probabilities.

Both packages come with `labelcycle[export]`.
"""

import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.logging.events import quiet

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
LARGEST_FILE = 1_500_000_000
"""Bytes of weights beyond which they lie in a file beside: an ONNX file holds no more than 2 GB."""

OUTPUT = "probabilities"
LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")
"""What they say below errors is advice to the exporter's developers."""


def require_packages() -> None:
    """Refuse to begin without the packages.

    Raises:
        ConfigurationError: one is missing.
    """
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ConfigurationError(
                f'Export needs the package {name}, which is not installed. Install it: pip install "labelcycle[export]"'
            ) from error


def write_onnx(
    model: torch.nn.Module, example: torch.Tensor, name: str, path: Path, largest_file: int = LARGEST_FILE
) -> None:
    """Write a network of one input and one output as ONNX, for batches of any size.

    Args:
        model: in evaluation mode, on the CPU.
        example: an input of two rows.
        name: what the input is called.
        path: the file.
        largest_file: more bytes of weights than these go to `<path>.data`.

    Raises:
        ConfigurationError: torch cannot write this network.
    """
    batch: Any = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings(), quiet(*LOGGERS):
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                input_names=[name],
                output_names=[OUTPUT],
                verbose=False,
            )
            program.save(str(path), external_data=_bytes_of(model) > largest_file)
    except torch.onnx.OnnxExporterError as error:
        raise ConfigurationError(
            f"torch cannot write this network as ONNX: {_first_line(error)} Predict with labelcycle predict instead."
        ) from error


def run_onnx(path: Path, name: str, batches: list[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """What ONNX Runtime makes of these inputs on the CPU: float32 (rows of all batches, C)."""
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([OUTPUT], {name: batch})[0] for batch in batches])


def _bytes_of(model: torch.nn.Module) -> int:
    return sum(tensor.nbytes for tensor in model.state_dict().values())


def _first_line(error: Exception) -> str:
    """The summary at the end of torch's long message, on one line."""
    text = str(error.__cause__ or error)
    return " ".join(text.split())[:400].rstrip(".") + "."


LARGEST_DIFFERENCE = 1e-3
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """How far an exported model is from labelcycle's own.

    Attributes:
        samples: how many samples both were asked about.
        difference: the largest between two probabilities.
        disagreements: samples of which they name another class.
    """

    samples: int
    difference: float
    disagreements: int

    @property
    def holds(self) -> bool:
        """Whether the exported model may be used in the other's place."""
        return self.disagreements == 0 and self.difference <= LARGEST_DIFFERENCE


def compare(exported: Floats, own: Floats) -> Parity:
    """Two tables of probabilities (N, C), of the same samples."""
    return Parity(
        samples=len(own),
        difference=float(np.abs(exported - own).max()),
        disagreements=int((exported.argmax(axis=1) != own.argmax(axis=1)).sum()),
    )
