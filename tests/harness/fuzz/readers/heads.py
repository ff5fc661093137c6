"""Classification heads in safetensors."""

import json
import struct
from random import Random

import numpy as np
from safetensors.numpy import save

from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import ProxyHead, read_head
from tests.harness.fuzz.json_mutation import changed
from tests.harness.fuzz.target import Target

WIDTH, CLASSES, HIDDEN = 4, 3, 5


def _linear(width: int) -> dict[str, np.ndarray]:
    values = {name: np.ones(width, np.float32) for name in ("running_mean", "running_var", "scale", "shift")}
    return values | {"weight": np.ones((CLASSES, width), np.float32), "bias": np.zeros(CLASSES, np.float32)}


LINEAR = _linear(WIDTH)
PROXY = _linear(HIDDEN) | {
    "hidden_weight": np.ones((HIDDEN, WIDTH), np.float32),
    "hidden_bias": np.zeros(HIDDEN, np.float32),
}
LOGISTIC = {
    "mean": np.ones(WIDTH, np.float32),
    "deviation": np.ones(WIDTH, np.float32),
    "weight": np.ones((CLASSES, WIDTH), np.float32),
    "bias": np.zeros(CLASSES, np.float32),
}


def _read(data: bytes) -> None:
    head = read_head(data)
    width = head.hidden_weight.shape[1] if isinstance(head, ProxyHead) else head.weight.shape[1]
    with np.errstate(all="ignore"):
        assert head.probabilities(np.ones((2, width), np.float16)).shape == (2, len(head.bias))
    if isinstance(head, LinearHead):
        LinearHead.from_bytes(data)


def _mutation(data: bytes, random: Random) -> bytes:
    """Tensors of other shapes and types, or a header that says something else than the content keeps."""
    if random.randrange(2):
        tensors = dict(random.choice((LINEAR, PROXY, LOGISTIC)))
        name = random.choice(list(tensors))
        odd = (np.float16, np.float64, np.int32, np.bool_, np.uint8)
        shapes = ((), (0,), (1,), (WIDTH,), (WIDTH, 1), (CLASSES, 0), (WIDTH, CLASSES), (1, 1, 1), (7,))
        tensors[name] = np.zeros(random.choice(shapes), random.choice((np.float32, np.float32, *odd)))
        if random.randrange(4) == 0:
            tensors["extra"] = np.zeros(1, np.float32)
        return save(tensors)
    size = struct.unpack("<Q", data[:8])[0]
    header = changed(json.loads(data[8 : 8 + size]), random)
    if isinstance(header, dict) and random.randrange(2):
        name = random.choice(list(header) or ["weight"])
        if isinstance(header.get(name), dict):
            header[name]["dtype"] = random.choice(("BF16", "F8_E4M3", "F4", "BOOL", "I64", "C64", "F6_E2M3", "U8", "X"))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


TARGETS = [Target("head-safetensors", _read, (save(LINEAR), save(PROXY), save(LOGISTIC)), _mutation)]
