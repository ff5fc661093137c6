"""The registry of strategies: those of labelcycle, and those that other installed packages announce."""

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelcycle import components
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import STRATEGIES, Candidates, Picks, select_batch, strategy
from labelcycle.components.select.batch import check_arguments, check_parameters

LANGUAGES = ("toml", "python")
README = (Path(components.__file__).parent / "select" / "README.md").read_text(encoding="utf-8")
EXAMPLE = README.partition("\n### In a package of your own\n")[2]
PROJECT, MODULE = (
    re.findall(rf"^```{language}\n(.*?)^```", EXAMPLE, re.MULTILINE | re.DOTALL)[0] for language in LANGUAGES
)
"""The example of a package in components/select/README.md."""

Announce = Callable[..., Path]


@pytest.fixture
def announce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Announce]:
    """A function: (strategy, module's text) → as if a package had been installed that announces the strategy."""
    known = dict(STRATEGIES._known)
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name: str = "longest", text: str = MODULE, where: str = "acme_strategies:longest") -> Path:
        project = tomllib.loads(PROJECT)["project"]
        assert project["entry-points"] == {"labelcycle.strategies": {"longest": "acme_strategies:longest"}}
        information = tmp_path / "acme_strategies-0.1.0.dist-info"
        information.mkdir()
        described = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (information / "METADATA").write_text(described)
        (information / "entry_points.txt").write_text(f"[labelcycle.strategies]\n{name} = {where}\n")
        (tmp_path / "acme_strategies.py").write_text(text)
        importlib.invalidate_caches()
        return tmp_path

    yield installed
    sys.modules.pop("acme_strategies", None)
    STRATEGIES._known.clear()
    STRATEGIES._known.update(known)


@pytest.fixture
def pool() -> Candidates:
    features = np.array([[1, 0], [3, 4], [0, 2]], np.float16)
    return Candidates(ids=np.array(["a", "b", "c"]), features=features)


def test_a_strategy_of_another_package_is_found_and_works(announce: Announce, pool: Candidates) -> None:
    assert "longest" not in STRATEGIES
    before = len(STRATEGIES)
    announce()
    assert "longest" in STRATEGIES and "longest" in set(STRATEGIES) and len(STRATEGIES) == before + 1
    selection = select_batch("longest", pool, 2, 0, power=2)
    assert selection.ids.tolist() == ["b", "c"]
    assert selection.scores.tolist() == pytest.approx([25, 4])
    assert STRATEGIES["longest"].reads_with({}) == {"features"}


def test_it_is_imported_when_it_is_first_asked_for(announce: Announce) -> None:
    announce()
    assert "longest" in list(STRATEGIES)
    assert "acme_strategies" not in sys.modules
    assert STRATEGIES["longest"].choose.__module__ == "acme_strategies"
    assert "acme_strategies" in sys.modules


def test_it_is_held_to_the_same_checks(announce: Announce, pool: Candidates) -> None:
    announce()
    with pytest.raises(ConfigurationError, match="'longest' has no parameter size. It has: power"):
        select_batch("longest", pool, 2, 0, size=3)
    with pytest.raises(ConfigurationError, match="'longest' needs features, which the candidates lack"):
        select_batch("longest", replace(pool, features=None), 2, 0)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("raise RuntimeError('no licence')", "acme_strategies:longest", "cannot be imported .*: RuntimeError.*no lic"),
        ("import a_module_that_is_not_there", "acme_strategies:longest", "cannot be imported .*ModuleNotFoundError"),
        ("", "acme_strategies:longest", "cannot be imported .*AttributeError"),
        ("", "nowhere_at_all:longest", "cannot be imported from nowhere_at_all:longest: ModuleNotFoundError"),
        ("def longest(pool, budget, seed): ...", "acme_strategies:longest", "registers no strategy of that name"),
    ],
    ids=["raises", "lacks a dependency", "is empty", "is not there", "is not decorated"],
)
def test_a_broken_package_is_named(announce: Announce, pool: Candidates, text: str, where: str, message: str) -> None:
    announce(text=text, where=where)
    with pytest.raises(ConfigurationError, match=f"'longest' of acme-strategies .*{message}") as refusal:
        select_batch("longest", pool, 2, 0)
    assert str(refusal.value).endswith(("Update or uninstall that package.", "with @strategy."))


def test_one_broken_package_does_not_break_the_others(announce: Announce, pool: Candidates) -> None:
    announce(text="raise RuntimeError('no licence')")
    assert len(select_batch("random", pool, 2, 0).ids) == 2
    with pytest.raises(
        ConfigurationError,
        match="There is no strategy 'entropi'. Did you mean 'entropy'\\? Choose one of: .*entropy.*longest",
    ):
        check_parameters("entropi", set())


def test_an_announced_strategy_cannot_take_the_name_of_ours(announce: Announce) -> None:
    ours = STRATEGIES["entropy"]
    announce(name="entropy", text=MODULE.replace("longest", "entropy"), where="acme_strategies:entropy")
    assert STRATEGIES["entropy"] is ours
    with pytest.raises(ConfigurationError, match=r"acme_strategies registers a strategy 'entropy', and so does label"):
        importlib.import_module("acme_strategies")
    assert STRATEGIES["entropy"] is ours


def test_unknown_names_are_key_errors() -> None:
    assert "dice" not in STRATEGIES
    with pytest.raises(KeyError, match="dice"):
        STRATEGIES["dice"]


def test_registering_again_from_the_same_module_replaces() -> None:
    def same(pool: Candidates, budget: int, seed: int) -> Picks:
        raise AssertionError

    try:
        strategy(needs={"probs"})(same)
        strategy(needs={"head"}, uses={"features"})(same)
        assert STRATEGIES["same"].needs_with({}) == {"head"}
        assert STRATEGIES["same"].reads_with({}) == {"head", "features"}
    finally:
        del STRATEGIES["same"]
    assert "same" not in STRATEGIES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"passes": "three"}, "'passes' of strategy 'dropquery' should be a valid integer; got 'three'"),
        ({"passes": True}, "'passes' of strategy 'dropquery' should be a valid integer; got True"),
        ({"passes": 2.5}, "'passes' of strategy 'dropquery' should be a valid integer.*; got 2.5"),
        ({"rate": "0.5"}, "'rate' of strategy 'dropquery' should be a valid number; got '0.5'"),
        ({"fill": "zeros"}, "'fill' of strategy 'dropquery' should be 'disagreement' or 'random'; got 'zeros'"),
        ({"colour": 1}, "'dropquery' has no parameter colour"),
    ],
    ids=str,
)
def test_arguments_are_checked_by_name_and_type(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_arguments("dropquery", arguments)


def test_annotations_that_cannot_be_read_check_names_alone(announce: Announce) -> None:
    header = "from __future__ import annotations\n"
    announce(text=header + MODULE.replace("power: float", "power: Elsewhere"))
    check_arguments("longest", {"power": 2})
    with pytest.raises(ConfigurationError, match="no parameter size"):
        check_arguments("longest", {"size": 2})


def test_arguments_that_fit() -> None:
    check_arguments("dropquery", {"passes": 5, "rate": 0, "fill": "random"})
    check_arguments("entropy", {"class_balanced": True})
    check_arguments("random", {})
    with pytest.raises(ConfigurationError, match="no strategy 'dice'"):
        check_arguments("dice", {})
