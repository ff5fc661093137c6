"""The head of the recipes `uherding` and `logistic` as a scikit-learn classifier, for features of any network."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from labelcycle.components.core.config.recipe import describe
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.ordering import sampled
from labelcycle.components.core.models.heads import LogisticHead, unit_standardised
from labelcycle.components.train_adapter.feature_moments import Moments, feature_moments
from labelcycle.components.train_adapter.learning_from_pool import MOST_UNLABELLED, uses_pool
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.pipelines.api.array_input import unmasked
from labelcycle.pipelines.api.python_arguments import whole_number

FLOATS = (np.float64, np.float32, np.float16)
"""Types that features keep; all others become the first."""

Features = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]


class PrototypeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on standardised features of unit length, drawn to the class prototypes.

    With few labels it is close to a classifier by the nearest class mean, with many to the ordinary regularised
    logistic regression. It is solved to convergence: no epochs, no learning rate, and the same for any number of cores.
    Parameters are those of the trainer `logistic` in recipes; the defaults are those of the recipe `uherding`.

    Args:
        strength: λ, above 0: how strongly the weights are drawn to the prototypes, at 1,000 labels where it grows.
        strength_growth: g; with L labels the strength is (L / 1,000)^g times as large. 0 for the same with any number.
        scale: the length of what weights are drawn to; None for 3.5·ln C, and at least 8.
        class_weight: `balanced` for the same weight of every class, None for the same of every sample.
        temperature: `cross_validated` calibrates probabilities by one temperature; None leaves them.
        unlabelled: `spread` learns from the samples of `pool` too, where `fit` is given one; `none` does not.
        unlabelled_weight: how much pseudo-labels together count at most, as multiple of the labels.
        unlabelled_most: the same, as labels a class.
        unlabelled_each: how much a pseudo-label counts at most, on average.
        seed: which samples of a pool of more than 4,000 are learnt from.

    Attributes:
        classes_: (C,), the classes of `y`, sorted.
        n_features_in_: d.
        mean_, deviation_: (d,), of the pool, or of `X` without one.
        coef_: (C, d), the weights on standardised features of unit length; there is no intercept.
        n_iter_: iterations of L-BFGS.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> head = PrototypeClassifier().fit(X[:50], y[:50], pool=X[:1000])
    >>> bool(head.score(X[1000:], y[1000:]) > 0.8)
    True
    """

    def __init__(
        self,
        strength: float = 0.15,
        strength_growth: float = 0.75,
        scale: float | None = None,
        class_weight: str | None = None,
        temperature: str | None = None,
        unlabelled: str = "spread",
        unlabelled_weight: float = 4.0,
        unlabelled_most: float = 20.0,
        unlabelled_each: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.strength = strength
        self.strength_growth = strength_growth
        self.scale = scale
        self.class_weight = class_weight
        self.temperature = temperature
        self.unlabelled = unlabelled
        self.unlabelled_weight = unlabelled_weight
        self.unlabelled_most = unlabelled_most
        self.unlabelled_each = unlabelled_each
        self.seed = seed

    def fit(self, X: Any, y: Any, pool: Any = None) -> Self:
        """Learn from labelled samples.

        Args:
            X: features (L, d); float16, float32 and float64 keep their type.
            y: L classes.
            pool: features (N, d) of the samples that the classifier is for, those of `X` among them or not. Their mean
                and deviation standardise, and with `unlabelled="spread"` up to 4,000 of them that are not in `X` are
                learnt from. None for the mean and deviation of `X`.

        Raises:
            ConfigurationError: a parameter out of bounds.
            InputError: a pool of features of another width, or masked values.
            ValueError: features or classes that scikit-learn refuses.

        Cost: see `train_adapter`'s README; a second for thousands of samples.
        """
        whole_number("seed", self.seed, 0)
        X, y = validate_data(self, unmasked("X", X), y, dtype=FLOATS)
        check_classification_targets(y)
        trainer = self._trainer()
        self.classes_, targets = np.unique(y, return_inverse=True)
        around = X if pool is None else self._pool(pool)
        unlabelled = None
        if pool is not None and uses_pool(trainer, len(X)):
            unlabelled = _others(around, X, self.seed)
        trained = train_on_samples(
            LabelledFeatures(X, targets), None, len(self.classes_), trainer, _moments(around), unlabelled
        )
        assert isinstance(trained.head, LogisticHead)
        self.mean_, self.deviation_ = trained.head.mean, trained.head.deviation
        self.coef_ = trained.head.weight
        self.n_iter_ = trained.fitted.epochs
        return self

    def decision_function(self, X: Any) -> Doubles:
        """Class scores before the softmax: (N, d) → (N, C); of two classes, the second's less the first's: (N,).

        Raises:
            NotFittedError: before `fit`.
            ValueError: features of another width.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> Doubles:
        """The probability of each class, in the order of `classes_`: features (N, d) → (N, C), rows sum to 1.

        Raises:
            NotFittedError, ValueError: as `decision_function`.
        """
        logits = self._logits(X)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The likeliest class: features (N, d) → (N,), of the type of `y`.

        Raises:
            NotFittedError, ValueError: as `decision_function`.
        """
        places = self._logits(X).argmax(axis=1)
        likeliest: npt.NDArray[Any] = self.classes_[places]
        return likeliest

    @property
    def head(self) -> LogisticHead:
        """The fitted head as campaigns store it, for `strategies` that ask for one; it computes in float32.

        Raises:
            NotFittedError: before `fit`.
        """
        check_is_fitted(self)
        tensors = (self.mean_, self.deviation_, self.coef_, np.zeros(len(self.classes_)))
        return LogisticHead(*(np.asarray(tensor, np.float32) for tensor in tensors))

    def _logits(self, X: Any) -> Doubles:
        check_is_fitted(self)
        features: Features = validate_data(self, unmasked("X", X), dtype=FLOATS, reset=False)
        vectors = unit_standardised(features.astype(np.float64), self.mean_, self.deviation_)
        logits: Doubles = vectors @ self.coef_.T.astype(np.float64)
        return logits

    def _trainer(self) -> LogisticTrainer:
        given = {name: value for name, value in self.get_params().items() if name != "seed"}
        given |= {name: given[name] or "none" for name in ("class_weight", "temperature", "unlabelled")}
        try:
            return LogisticTrainer.model_validate(given)
        except ValidationError as error:
            raise ConfigurationError(f"These parameters are refused:\n{describe(error)}") from error

    def _pool(self, pool: Any) -> Features:
        features: Features = check_array(unmasked("pool", pool), dtype=FLOATS, input_name="pool")
        if features.shape[1] != self.n_features_in_:
            raise InputError(
                f"The pool has features of {features.shape[1]} numbers, X of {self.n_features_in_}. Give both of the "
                "same network."
            )
        return features


def _moments(features: Features) -> Moments:
    """Mean and deviation, as a campaign has them where features are float16, as it keeps them."""
    if features.dtype == np.float16:
        found = feature_moments([features])
        assert found is not None
        return found
    values = features.astype(np.float64)
    with np.errstate(over="ignore"):  # training refuses such values in words
        return values.mean(axis=0), values.std(axis=0)


def _others(pool: Features, labelled: Features, seed: int) -> Features:
    """The rows of the pool that are none of the labelled ones, at most as many as training looks at."""
    known = {row.tobytes() for row in labelled.astype(pool.dtype)}
    rows = np.array([number for number, row in enumerate(pool) if row.tobytes() not in known], np.int64)
    return pool[rows[sampled(rows.astype(np.str_), MOST_UNLABELLED, seed)]]
