"""What candidates are refused for, each with a message that says what and where."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.checks import check_candidates
from labelcycle.components.select.strategy import PER_CANDIDATE

ALL = frozenset({*PER_CANDIDATE, "labelled_ids", "labelled_features", "labelled_classes", "head"})


@pytest.fixture
def pool(complete_pool: Callable[..., Candidates]) -> Candidates:
    generator = np.random.default_rng(0)
    return replace(
        complete_pool(10),
        disagreements=generator.integers(0, 4, 10),
        mutual_information=generator.random(10),
        texts=generator.normal(size=(10, 6)),
        groups=np.array(["left", "right"] * 5),
    )


def changed(values: Any, row: Any, value: float) -> Any:
    values = values.copy()
    values[row] = value
    return values


def test_labelled_samples_need_no_ids(pool: Candidates) -> None:
    named, unnamed = (select_batch("coreset", given, 3, 0) for given in (pool, replace(pool, labelled_ids=None)))
    assert named.ids.tolist() == unnamed.ids.tolist() and len(named.ids) == 3


@pytest.mark.parametrize("name", PER_CANDIDATE)
def test_one_row_for_each_id(pool: Candidates, name: str) -> None:
    values = getattr(pool, name)
    with pytest.raises(InputError, match=f"The candidates have 10 ids but 9 rows of {name}."):
        check_candidates(replace(pool, **{name: values[:9]}), frozenset())
    matrix = values.ndim == 2
    wrong = values[:, 0] if matrix else np.stack([values, values], axis=1)
    wanted = "rows and columns" if matrix else "one value for each id"
    message = f"The candidates' {name} have {wrong.ndim} dimensions; they must have {wanted}."
    with pytest.raises(InputError, match=message):
        check_candidates(replace(pool, **{name: wrong}), frozenset())


@pytest.mark.parametrize("name", ["features", "probs", "mutual_information", "losses", "texts"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(pool: Candidates, name: str, value: float) -> None:
    broken = replace(pool, **{name: changed(getattr(pool, name), [4, 7], value)})
    with pytest.raises(InputError, match=f"2 candidates have NaN or infinite {name}, first '{pool.ids[4]}'. Correct"):
        check_candidates(broken, ALL)
    check_candidates(broken, ALL - {name})


def test_a_bad_value_beyond_the_first_block() -> None:
    features = np.zeros((5000, 2), np.float32)
    features[4321, 1] = np.nan
    ids = np.array([f"{row:04}" for row in range(5000)])
    with pytest.raises(InputError, match="1 candidates have NaN or infinite features, first '4321'"):
        check_candidates(Candidates(ids, features=features), ALL)


@pytest.mark.parametrize(("kind", "value"), [(np.float32, 1e16), (np.float64, -1e200)])
def test_numbers_whose_squares_float32_cannot_hold(pool: Candidates, kind: Any, value: float) -> None:
    assert pool.features is not None
    broken = replace(pool, features=changed(pool.features.astype(kind), (3, 1), value))
    with pytest.raises(InputError, match=rf"1 candidates have features beyond 1e\+15, first '{pool.ids[3]}'. Scale"):
        check_candidates(broken, ALL)


@pytest.mark.parametrize("row", [[1.5, -0.5, 0, 0], [0.3, 0.3, 0.3, 0], [0.3, 0.3, 0.3, 0.3], [0, 0, 0, 0]])
def test_what_is_no_distribution(pool: Candidates, row: list[float]) -> None:
    assert pool.probs is not None
    probs = pool.probs.copy()
    probs[[2, 5]] = row
    message = f"2 candidates have probs that are negative or do not sum to 1, first '{pool.ids[2]}'. Give prob"
    with pytest.raises(InputError, match=message):
        check_candidates(replace(pool, probs=probs), ALL)
    check_candidates(replace(pool, probs=probs), ALL - {"probs"})


def test_negative_losses(pool: Candidates) -> None:
    broken = replace(pool, losses=changed(pool.losses, 6, -1e-9))
    with pytest.raises(InputError, match=f"losses are negative, first for '{pool.ids[6]}'"):
        check_candidates(broken, ALL)
    check_candidates(broken, ALL - {"losses"})


def test_labelled_arrays_that_do_not_belong_together(pool: Candidates) -> None:
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    short = replace(pool, labelled_features=pool.labelled_features[:-1])
    with pytest.raises(InputError, match="labelled samples have 12 ids but 11 rows of labelled_features"):
        check_candidates(short, ALL)
    message = r"labelled_features and labelled_classes have different lengths: \[11, 12\]"
    with pytest.raises(InputError, match=message):
        check_candidates(replace(short, labelled_ids=None), ALL)
    with pytest.raises(InputError, match="labelled samples' labelled_features have 1 dimensions; they must have rows"):
        check_candidates(replace(pool, labelled_features=pool.labelled_features[:, 0]), ALL)
    twice = np.stack([pool.labelled_classes, pool.labelled_classes], axis=1)
    with pytest.raises(InputError, match="labelled_classes have 2 dimensions; they must have one value"):
        check_candidates(replace(pool, labelled_classes=twice), ALL)
    with pytest.raises(
        InputError, match="1 labelled samples have NaN or infinite labelled_features, first 'labelled-4'"
    ):
        check_candidates(replace(pool, labelled_features=changed(pool.labelled_features, 4, np.nan)), ALL)
    unnamed = replace(pool, labelled_ids=None, labelled_features=changed(pool.labelled_features, 4, np.nan))
    with pytest.raises(InputError, match="first 'labelled sample 4'"):
        check_candidates(unnamed, ALL)
    with pytest.raises(InputError, match="Labelled features have 2 columns, features 3. They must come from the same"):
        check_candidates(replace(pool, labelled_features=pool.labelled_features[:, :2]), ALL)


def test_classes_that_are_not_declared(pool: Candidates) -> None:
    assert pool.labelled_classes is not None
    with pytest.raises(InputError, match="labelled_classes are float64; they must be integer class indices"):
        check_candidates(replace(pool, labelled_classes=pool.labelled_classes.astype(float)), ALL)
    for number, message in [(-1, "hold -1 to 3; there are 4 classes"), (4, "hold 0 to 4; there are 4 classes")]:
        broken = replace(pool, labelled_classes=changed(pool.labelled_classes, 0, number))
        for known in (broken, replace(broken, head=None), replace(broken, probs=None)):
            with pytest.raises(InputError, match=message):
                check_candidates(known, ALL)
    free = replace(pool, labelled_classes=changed(pool.labelled_classes, 0, 4), head=None, probs=None)
    check_candidates(free, ALL)


def test_heads_of_another_model(pool: Candidates) -> None:
    assert pool.features is not None and pool.probs is not None
    wide = replace(pool, features=pool.features[:, :2], labelled_features=None)
    with pytest.raises(InputError, match="The head takes 3 features, the candidates have 2"):
        check_candidates(wide, ALL)
    few = replace(pool, probs=pool.probs[:, :3])
    with pytest.raises(InputError, match="The head has 4 classes, the candidates' probs 3"):
        check_candidates(few, frozenset())
