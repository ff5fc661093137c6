"""The head as a scikit-learn classifier: scikit-learn's own checks, and the pool that it standardises by."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelcycle import PrototypeClassifier
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.pipelines.recipes.catalogue import all_recipes

EXPECTED_FAILURES = {
    "check_class_weight_classifiers": "gives each class a weight; the trainer knows `balanced` and none",
}


@parametrize_with_checks([PrototypeClassifier()], expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_it_is_a_scikit_learn_classifier(estimator: Any, check: Any) -> None:
    check(estimator)


def blobs(labelled: int = 12, pool: int = 200) -> tuple[Any, Any, Any, Any]:
    """Labelled float16 features with their classes, then features of a pool with theirs: three blobs of width 6."""
    generator = np.random.default_rng(0)
    classes = np.arange(labelled + pool) % 3
    features = (np.eye(3, 6)[classes] * 2 + generator.normal(size=(len(classes), 6))).astype(np.float16)
    return features[:labelled], classes[:labelled], features[labelled:], classes[labelled:]


def test_it_is_the_head_of_a_campaign_on_the_same_features() -> None:
    X, y, pool, _ = blobs()
    everything = np.concatenate([X, pool])
    trainer = LogisticTrainer(strength=0.1)
    moments = feature_moments([everything])
    assert moments is not None
    head = train_on_samples(LabelledFeatures(X, y), None, 3, trainer, moments).head
    found = PrototypeClassifier(strength=0.1, strength_growth=0, unlabelled="none").fit(X, y, pool=everything)
    assert found.predict_proba(pool) == pytest.approx(head.probabilities(pool), abs=1e-6)


def test_the_defaults_are_those_of_the_default_recipe() -> None:
    recipe = next(recipe for recipe in all_recipes() if recipe.name == "uherding")
    assert PrototypeClassifier()._trainer() == recipe.trainer


def test_the_pool_standardises_and_is_learnt_from() -> None:
    X, y, pool, truth = blobs()
    alone, spread = PrototypeClassifier().fit(X, y), PrototypeClassifier().fit(X, y, pool=pool)
    standardised = PrototypeClassifier(unlabelled="none").fit(X, y, pool=pool)
    assert np.allclose(alone.mean_, X.mean(axis=0), atol=1e-2)
    assert np.allclose(spread.mean_, pool.mean(axis=0), atol=1e-2)
    assert not np.allclose(alone.coef_, standardised.coef_) and not np.allclose(spread.coef_, standardised.coef_)
    assert spread.score(pool, truth) > 0.7


def test_labelled_rows_of_the_pool_are_not_learnt_from_twice() -> None:
    X, y, _, _ = blobs()
    whole = PrototypeClassifier().fit(X, y, pool=X)
    assert np.array_equal(whole.coef_, PrototypeClassifier(unlabelled="none").fit(X, y, pool=X).coef_)


def test_it_is_cloned_and_takes_part_in_pipelines() -> None:
    X, y, pool, _ = blobs()
    head = clone(PrototypeClassifier(strength=0.3, class_weight="balanced", temperature="cross_validated"))
    assert head.get_params()["strength"] == 0.3
    line = make_pipeline(FunctionTransformer(), head).fit(X, np.array(["a", "b", "c"])[y])
    assert set(line.predict(pool)) <= {"a", "b", "c"}


def test_bad_input_is_told() -> None:
    X, y, pool, _ = blobs()
    with pytest.raises(InputError, match=r"The pool has features of 5 numbers, X of 6\. Give both of the same network"):
        PrototypeClassifier().fit(X, y, pool=pool[:, :5])
    with pytest.raises(ConfigurationError, match="strength: Input should be greater than 0; got 0"):
        PrototypeClassifier(strength=0).fit(X, y)
    with pytest.raises(NotFittedError):
        PrototypeClassifier().predict(X)
    with pytest.raises(ValueError, match="X has 5 features, but PrototypeClassifier is expecting 6"):
        PrototypeClassifier().fit(X, y).predict_proba(X[:, :5])


def test_numbers_that_single_precision_cannot_hold_are_refused_in_words() -> None:
    """Warnings are errors here: none of an overflow comes before."""
    features = np.random.default_rng(0).normal(size=(12, 3)) * 1e300
    with pytest.raises(InputError, match="more than the .* that single precision can hold. Scale them down"):
        PrototypeClassifier().fit(features, np.arange(12) % 2)
