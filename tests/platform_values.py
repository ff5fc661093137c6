"""Metadata of artifacts as Kubeflow's launcher takes it: strings, numbers, booleans, lists, mappings, but no null."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

TAKEN = {"string_value", "number_value", "bool_value", "list_value", "struct_value"}
"""The kinds of values that the launcher turns into ML Metadata; its own `null_value` ends the task with an error."""


def as_launcher_values(metadata: Mapping[str, Any]) -> struct_pb2.Struct:
    """The metadata as protobuf values.

    Raises:
        ValueError: a number is not finite, which JSON cannot say.
        AssertionError: a value, or one inside it, is of a kind that the launcher refuses.
    """
    struct = json_format.Parse(json.dumps(metadata, allow_nan=False), struct_pb2.Struct())
    for name, value in struct.fields.items():
        _check(name, value)
    return struct


def _check(name: str, value: struct_pb2.Value) -> None:
    kind = value.WhichOneof("kind")
    assert kind in TAKEN, f"{name} is a {kind}, which Kubeflow's launcher refuses"
    for inner, part in value.struct_value.fields.items():
        _check(f"{name}.{inner}", part)
    for number, part in enumerate(value.list_value.values):
        _check(f"{name}[{number}]", part)
