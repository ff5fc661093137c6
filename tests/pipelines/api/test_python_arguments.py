"""Arguments of the loop in memory, strategies and backtests that cannot be used: one sentence, with the remedy."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from labelcycle import ActiveLearner, PrototypeClassifier, backtest, strategies
from labelcycle.components.core.errors import ConfigurationError, InputError

FEATURES = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
PROBS = np.full((30, 2), 0.5)
LABELS = ["cat", "dog"] * 15


def learner(**changes: Any) -> ActiveLearner:
    return ActiveLearner(**{"features": FEATURES, "classes": ["cat", "dog"], **changes})


def trained() -> ActiveLearner:
    return learner(known={0: "cat", 1: "dog"})


@pytest.mark.parametrize("seed", [np.random.default_rng(0), "a", 1.5, True, -1, None])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    for ask in (
        lambda: learner(seed=seed),
        lambda: strategies.margin(2, probs=PROBS, seed=seed),
        lambda: PrototypeClassifier(seed=seed).fit(FEATURES, LABELS),
    ):
        with pytest.raises(ConfigurationError, match=re.escape(f"seed is a whole number, 0 or more; got {seed!r}. G")):
            ask()


def test_a_seed_of_numpy_is_that_of_python() -> None:
    assert learner(seed=np.int64(7)).ask(5) == learner(seed=7).ask(5) != learner(seed=8).ask(5)


BAD_FEATURES: list[tuple[Any, str]] = [
    (7, "features is an array of numbers; got 7. Give a NumPy array."),
    ((row for row in FEATURES), "features is an array of numbers; got"),
    ({"a": [1.0]}, "features is an array of numbers; got {'a': [1.0]}"),
    ("x", "features is an array of numbers; got 'x'"),
    (csr_matrix(FEATURES), "features is sparse (csr_matrix). Give the array features.toarray()."),
    ([[1.0, 2.0], [3.0]], "features has rows of unequal lengths. Give each the same number of values."),
    (torch.zeros(3, 4, dtype=torch.bfloat16), "Give features.detach().cpu().float().numpy()."),
    (torch.zeros(3, 4, requires_grad=True), "Give features.detach().cpu().float().numpy()."),
    (np.ma.masked_less(FEATURES, 0), "masked values, and a mask is not read. Leave these rows out"),
    (FEATURES > 0, 'features holds numbers; got values of type bool. Convert them: features.astype("float32").'),
    ([["a", "b"]], "features holds numbers; got values of type <U1"),
    (pd.DataFrame({"width": [1.0], "name": ["a"]}), "features holds values that are no numbers (could not convert"),
]


@pytest.mark.parametrize(("features", "said"), BAD_FEATURES)
@pytest.mark.parametrize(
    "take",
    [
        lambda features: learner(features=features),
        lambda features: trained().predict_proba(features),
        lambda features: backtest(features, LABELS),
        lambda features: strategies.coreset(2, labelled_features=FEATURES, features=features),
    ],
    ids=["learner", "predict_proba", "backtest", "strategies"],
)
def test_what_is_no_array_of_numbers_is_told(take: Callable[[Any], object], features: Any, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        take(features)


def test_whole_numbers_and_tables_are_features() -> None:
    numbers = np.random.default_rng(1).integers(0, 16, (30, 4))
    for same in (numbers, numbers.astype(np.uint8), numbers.tolist(), pd.DataFrame(numbers).astype("Float64")):
        found, expected = learner(features=same), learner(features=numbers.astype(np.float64))
        assert found.ask(8) == expected.ask(8)
        for one in (found, expected):
            one.tell(one.open, [LABELS[row] for row in one.open])
        assert np.array_equal(found.predict_proba(same), expected.predict_proba(numbers.astype(np.float64)))
    holes = pd.DataFrame(FEATURES).convert_dtypes()
    holes.iloc[3, 1] = pd.NA
    with pytest.raises(InputError, match="feature vectors hold NaN"):
        learner(features=holes)


def test_a_mask_that_hides_nothing_is_no_obstacle() -> None:
    assert learner(features=np.ma.array(FEATURES)).ask(5) == learner().ask(5)
    hidden = np.ma.masked_less(FEATURES, 0)
    for call in (
        lambda: PrototypeClassifier().fit(hidden, LABELS),
        lambda: PrototypeClassifier().fit(FEATURES, LABELS, pool=hidden),
        lambda: PrototypeClassifier().fit(FEATURES, LABELS).predict(hidden),
    ):
        with pytest.raises(InputError, match=f"has {int(hidden.mask.sum())} masked values"):
            call()


def test_known_labels_are_a_series_as_well() -> None:
    known = pd.Series(["cat", "dog"], index=["i0", "i1"])
    ids = [f"i{row}" for row in range(30)]
    assert learner(ids=ids, known=known).labels == {"i0": "cat", "i1": "dog"}
    with pytest.raises(InputError, match="Sample 'i0' is told twice"):
        learner(ids=ids, known=pd.concat([known, known]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": None}, "features is an array of numbers; got None. Give a NumPy array."),
        ({"known": [("i0", "cat")]}, "known holds labels by id; got [('i0', 'cat')]. Give a dictionary such as"),
        ({"known": "x"}, "known holds labels by id; got 'x'. Give a dictionary such as"),
        ({"known": pd.DataFrame({"label": ["cat"]})}, "known holds labels by id; got a value of type DataFrame"),
        ({"set": "a=1"}, "set holds settings by name; got 'a=1'. Give such as set={"),
        ({"set": ["a=1"]}, "set holds settings by name; got ['a=1']. Give such as set={"),
        ({"set": {1: 1}}, "set holds settings by name; got {1: 1}. Give such as set={"),
        ({"recipe": None}, "the path of a YAML file; got None. Give such as recipe='uherding'."),
        ({"recipe": 3}, "the path of a YAML file; got 3. Give such as recipe='uherding'."),
        ({"classes": None}, "classes is a list of values; got None. Give it in a list"),
        ({"classes": {"cat", "dog"}}, "classes is a list of values in their order; got a set. Give a list"),
        ({"classes": [["cat"], ["dog"]]}, "classes are two or more distinct names"),
        ({"classes": ["cat", float("nan")]}, "classes are two or more distinct names"),
        ({"ids": "abc"}, "ids is a list of values; got 'abc'"),
        ({"ids": pd.DataFrame({"id": range(30)})}, "ids is a list of values in their order; got a DataFrame"),
        ({"features": FEATURES[0]}, "features have one row a sample: shape (samples, numbers); got (4,)"),
    ],
)
def test_what_a_learner_cannot_use_is_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, ConfigurationError), match=re.escape(said)):
        learner(**changes)


@pytest.mark.parametrize(
    ("classes", "label", "said"),
    [
        ([0, 1], "0", "'0' is no class. It is of type str, and the class 0 of type int. Give 0. Nothing was taken in"),
        (["0", "1"], 0, "0 is no class. It is of type int, and the class '0' of type str. Give '0'. Nothing was"),
        (
            ["caf\u00e9", "bar"],
            "cafe\u0301",
            "Did you mean 'caf\u00e9'? They differ only in their Unicode form. Nothing",
        ),
        (["Café", "bar"], "café", "Did you mean 'Café'? They differ only in case. Nothing"),
    ],
)
def test_a_label_that_looks_like_a_class_is_told_apart(classes: list[Any], label: Any, said: str) -> None:
    one = learner(classes=classes)
    with pytest.raises(InputError, match=re.escape(said)):
        one.tell(one.ask(1), [label])


@pytest.mark.parametrize("n", [2.5, "3", None, True, 0])
def test_a_strategy_is_asked_for_a_whole_number(n: Any) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"n is a whole number, 1 or more; got {n!r}")):
        strategies.margin(n, probs=PROBS)


def test_parameters_of_a_strategy_have_their_types() -> None:
    with pytest.raises(ConfigurationError, match="class_balanced of strategy 'margin' is of type bool; got 'x'. Give"):
        strategies.margin(2, probs=PROBS, class_balanced="x")
    with pytest.raises(ConfigurationError, match="epsilon of strategy 'alfamix' is of type float; got 'much'. Give"):
        strategies.alfamix(2, features=FEATURES, probs=PROBS, epsilon="much")
    with pytest.raises(ConfigurationError, match="reduce of strategy 'featdist' is of type Literal"):
        strategies.featdist(2, features=FEATURES, labelled_features=FEATURES[:2] + 9, reduce="median")
    taken = strategies.margin(2, probs=PROBS, class_balanced=np.True_)
    assert taken == strategies.margin(2, probs=PROBS, class_balanced=True)


def test_a_strategy_and_its_constraints_are_such() -> None:
    for wrong in (None, ["margin"]):
        with pytest.raises(
            ConfigurationError, match=re.escape(f"strategy is text; got {wrong}. Give such as strategy=")
        ):
            strategies.select(wrong, 2, probs=PROBS)  # type: ignore[arg-type]
    with pytest.raises(
        ConfigurationError, match="constraints are of labelcycle.components.select.Constraints; got 'x'"
    ):
        strategies.margin(2, probs=PROBS, constraints="x")


def test_ids_come_from_a_generator_as_well() -> None:
    ids = [f"i{row:02d}" for row in range(30)]
    assert strategies.margin(3, probs=PROBS, ids=(name for name in ids)) == strategies.margin(3, probs=PROBS, ids=ids)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": None, "labels": None}, "features is an array of numbers; got None. Give a NumPy array."),
        ({"labels": None}, "labels is a list of values; got None"),
        ({"labels": pd.DataFrame({"label": LABELS})}, "labels is a list of values in their order; got a DataFrame"),
        ({"batch": "5"}, "batch is a whole number, 1 or more; got '5'. Give such as batch=1."),
        ({"seeds": 0}, "seeds is a whole number, 1 or more; got 0"),
        ({"cycles": 1}, "cycles is a whole number, 2 or more; got 1"),
        ({"test_share": "x"}, "test_share is a number, 0 or more; got 'x'"),
        ({"test_share": 5}, "test_share is between 0 and 1; got 5. Write 10 % as 0.1."),
        ({"strategies": 3}, "strategies is a list of values; got 3"),
        ({"strategies": [3]}, "strategies is a list of texts; got 3 in it. Give such as ['margin']."),
        ({"cold_start": 3}, "cold_start is text; got 3. Give such as cold_start='random'."),
        ({"label_price": -1}, "label_price is a number, 0 or more; got -1"),
        ({"label_price": float("nan")}, "label_price is a number, 0 or more; got nan"),
        ({"label_price": "x"}, "label_price is a number, 0 or more; got 'x'"),
        ({"splits": ["pool"]}, "There are 30 samples and 1 splits"),
        ({"set": "a=1"}, "set holds settings by name; got 'a=1'"),
        ({"recipe": 3}, "the path of a YAML file; got 3"),
        ({"out": ""}, "out is empty, which names no place"),
    ],
)
def test_what_a_backtest_cannot_use_is_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, ConfigurationError), match=re.escape(said)):
        backtest(**{"features": FEATURES, "labels": LABELS, **changes})


def test_labels_that_pandas_lacks_are_left_out() -> None:
    labels = pd.Series([*LABELS[:28], None, None], dtype="string")
    quick: dict[str, Any] = {"strategies": ["random"], "seeds": 1, "batch": 4, "cycles": 2, "test_share": 0.3}
    assert backtest(FEATURES, labels, **quick).curves()["labels"].tolist() == [4, 8]
