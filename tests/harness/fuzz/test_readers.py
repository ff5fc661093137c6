"""Every reader of outside bytes: whatever the bytes, only its own errors come out."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.fuzz.catalogue import TARGETS
from tests.harness.fuzz.crash_files import kept
from tests.harness.fuzz.limits import memory_limit
from tests.harness.fuzz.mutation import generated
from tests.harness.fuzz.strategies import JSON, csv_files, damaged_examples
from tests.harness.fuzz.target import Target

EVERY = pytest.mark.parametrize("name", TARGETS)
READ_JSON = [name for name in TARGETS if name.startswith(("label-studio", "coco"))]
READ_TABLES = ["labels-csv", "captions-csv", "groups-csv", "id-list"]
BOUNDED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    with memory_limit(3072):
        yield


@EVERY
def test_valid_examples_are_read(name: str) -> None:
    assert all(TARGETS[name].check(data) for data in TARGETS[name].seeds)


@EVERY
@settings(BOUNDED, max_examples=25)
@given(data=st.data())
def test_damaged_examples_are_read_or_refused(name: str, data: st.DataObject) -> None:
    TARGETS[name].check(data.draw(damaged_examples(TARGETS[name])))


@EVERY
@settings(BOUNDED, max_examples=10)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    TARGETS[name].check(content)


@pytest.mark.parametrize("name", READ_TABLES)
@settings(BOUNDED, max_examples=40)
@given(content=csv_files())
def test_nearly_valid_tables_are_read_or_refused(name: str, content: bytes) -> None:
    TARGETS[name].check(content)


@pytest.mark.parametrize("name", READ_JSON)
@settings(BOUNDED, max_examples=40)
@given(content=JSON | st.lists(st.dictionaries(st.sampled_from(["id", "data", "annotations"]), JSON), max_size=2))
def test_nearly_valid_json_is_read_or_refused(name: str, content: object) -> None:
    TARGETS[name].check(json.dumps(content).encode())


@pytest.mark.parametrize(("name", "path"), kept(), ids=lambda value: getattr(value, "name", value))
def test_what_broke_a_reader_once_is_read_or_refused(name: str, path: Path) -> None:
    TARGETS[name].check(path.read_bytes())


@EVERY
def test_the_same_seed_makes_the_same_damage(name: str) -> None:
    first, second = ([generated(TARGETS[name], random) for _ in range(20)] for random in (Random(7), Random(7)))
    assert first == second


def test_a_reader_that_breaks_the_rule_is_found() -> None:
    target = Target("broken", lambda data: json.loads(data), (b"[]",))
    with pytest.raises(ValueError, match="Expecting"):
        target.check(b"[")
