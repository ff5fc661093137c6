"""Active learning in memory, for notebooks: features in, ids to label out, without a campaign."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.query_choice import Choice, DropoutScorer
from labelcycle.components.core.config.trainers import FeatureTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.models.heads import Head
from labelcycle.components.labelling.label_spellings import likely_class
from labelcycle.components.select import STRATEGIES, Constraints, select_batch
from labelcycle.components.select.recipe_constraints import rare_share, read_by_constraints
from labelcycle.pipelines.api.array_input import numbers_of
from labelcycle.pipelines.api.feature_input import probabilities_of
from labelcycle.pipelines.api.html import figures_as_html, listed
from labelcycle.pipelines.api.python_arguments import labels_by_id, list_of, settings_by_name, whole_number
from labelcycle.pipelines.api.recipe_in_memory import check_lists, checked_classes, recipe_in_memory
from labelcycle.pipelines.api.sample_names import few_of, names_and_texts
from labelcycle.pipelines.backtest.cycle_in_memory import OF_DROPOUT, candidates_of, train_head
from labelcycle.pipelines.backtest.labelled_history import Labelled
from labelcycle.pipelines.initialise.embeddings import samples_of_arrays

UNKNOWN = -1
"""The class of a sample without a label."""


class ActiveLearner:
    """A campaign on features in memory: it asks for labels, is told them, and classifies.

    Queries and models are those of a campaign on the same features with the same recipe, seed and query sizes: the code
    is that of the stages. Nothing is written, and nothing is kept once the process ends; see `Campaign` for that.

    Args:
        features: (N, d) of any float or integer type, of a network of your own, one row a sample. They are kept as
            float16, as campaigns keep them.
        ids: N distinct texts or whole numbers; None for the numbers of the rows.
        classes: C ≥ 2 distinct values, such as texts, that samples can be labelled with.
        recipe: a name from `labelcycle recipes` or the path of a YAML file, which has to train on frozen features.
        seed: decides every random choice; a whole number, 0 or more.
        set: settings of the recipe by name, such as `{"selector.strategy": "margin"}`.
        known: labels that are known from the beginning, by id, or a pandas Series of them; the first query is then
            chosen by a model.

    Raises:
        ConfigurationError: the recipe cannot be followed in memory, or a setting is refused.
        InputError: ids, features, classes or known labels that cannot be used.

    >>> from sklearn.datasets import load_digits
    >>> from labelcycle import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(features=X[:900], classes=range(10), seed=0)
    >>> for _ in range(3):
    ...     ids = learner.ask(10)
    ...     learner.tell(ids, y[ids])
    >>> bool((learner.predict(X[900:]) == y[900:]).mean() > 0.7)
    True
    """

    def __init__(
        self,
        features: npt.ArrayLike,
        ids: Sequence[Hashable] | None = None,
        classes: Sequence[Hashable] = (),
        recipe: str | PathLike[str] = "uherding",
        seed: int = 0,
        set: Mapping[str, object] | None = None,
        known: Mapping[Any, Any] | None = None,
    ) -> None:
        self.recipe = recipe_in_memory(recipe, settings_by_name("set", set, '{"selector.strategy": "margin"}'))
        self.seed = whole_number("seed", seed, 0)
        self.classes = checked_classes(classes)
        values = numbers_of("features", features)
        if values.ndim != 2:
            raise InputError(f"features have one row a sample: shape (samples, numbers); got {values.shape}.")
        self._names, texts = names_and_texts(ids, len(values))
        samples = samples_of_arrays(texts, values, "features")
        assert samples.features is not None
        self._scale = samples.scale
        row = {text: number for number, text in enumerate(samples.uris)}
        self._rows = {name: row[text] for name, text in zip(self._names, texts, strict=True)}
        self._by_row = {number: name for name, number in self._rows.items()}
        size = len(texts)
        self._pool = Labelled(np.array(list(row), np.str_), samples.features, np.full(size, UNKNOWN, np.int64))
        self._asked = np.zeros(size, np.bool_)
        self._open: list[int] = []
        self._cycle = 0
        self._head: Head | None = None
        self._previous: Head | None = None
        check_lists(self.recipe, self._pool.ids)
        for number, label in self._told(*labels_by_id("known", known), asked=False).items():
            self._pool.classes[number], self._asked[number] = label, True

    @property
    def open(self) -> list[Any]:
        """Ids that were asked for and have not been told, in the order of asking."""
        return [self._by_row[row] for row in self._open]

    @property
    def labels(self) -> dict[Any, Any]:
        """The class of each sample that has one, by id."""
        return {self._by_row[int(row)]: self.classes[self._pool.classes[row]] for row in self._labelled}

    def ask(self, n: int) -> list[Any]:
        """Ids of the samples to label next, the most useful first.

        Args:
            n: how many; all that are left where these are fewer.

        Raises:
            ConfigurationError: `n` is no whole number, or below 1.
            InputError: labels of the last ids are still to be told.

        Cost: a training of the head and one call of the strategy on all samples that were not asked for.
        """
        if self._open:
            raise InputError(
                f"{len(self._open)} ids were asked for and not told yet: {few_of(self.open)}. Tell their labels first, "
                "None for those that cannot be labelled."
            )
        choice: Choice = self.recipe.selector if self._is_labelled else self.recipe.cold_start
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise ConfigurationError(f"A query asks for 1 label or more, a whole number; got {n!r}.")
        if self._asked.all():
            return []
        head = self._model()
        strategy = STRATEGIES[choice.strategy]
        reads = strategy.reads_with(choice.arguments) | read_by_constraints(choice)
        scorer = self.recipe.scorer if isinstance(self.recipe.scorer, DropoutScorer) and reads & OF_DROPOUT else None
        pool = candidates_of(
            self._pool, self._asked, self._labelled, head, strategy, reads, self.seed, self._cycle, scorer
        )
        arguments: dict[str, Any] = dict(choice.arguments)
        picks = select_batch(
            choice.strategy, pool, int(n), self.seed, constraints=self._constraints(choice, pool.ids), **arguments
        )
        self._open = np.searchsorted(self._pool.ids, picks.ids).tolist()
        self._asked[self._open] = True
        self._cycle, self._previous, self._head = self._cycle + 1, head, None
        return self.open

    def tell(self, ids: Sequence[Any], labels: Sequence[Any]) -> None:
        """Take in labels, all of them or none.

        Args:
            ids: samples that were asked for; those that were told before get another label.
            labels: a class for each, or None for a sample that cannot be labelled.

        Raises:
            InputError: ids that were never asked for, classes that are none, or not one label an id.
        """
        for row, label in self._told(ids, labels).items():
            self._pool.classes[row] = label
            if row in self._open:
                self._open.remove(row)
        self._head = None

    def predict_proba(self, features: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The probability of each class, in the order of `classes`: (M, d) → float32 (M, C), rows sum to 1.

        Raises:
            InputError: no label was told yet, or features that cannot be used, such as those of another width.

        Cost: a training where labels were told since the last one; one matrix product.
        """
        head = self._model()
        if head is None:
            raise InputError("There is no model before the first label. Call ask, and tell the labels of what it asks.")
        return probabilities_of(features, head, self._scale)

    def predict(self, features: npt.ArrayLike) -> npt.NDArray[Any]:
        """The likeliest class of each sample: (M, d) → (M,).

        Raises:
            InputError: as `predict_proba`.
        """
        likeliest: npt.NDArray[Any] = self._class_array()[self.predict_proba(features).argmax(axis=1)]
        return likeliest

    @property
    def head(self) -> Head | None:
        """The model of the labels so far, on features as they are kept; None before the first label."""
        return self._model()

    def __repr__(self) -> str:
        return f"<ActiveLearner {self.recipe.name}: {len(self._labelled)} of {len(self._pool)} samples labelled>"

    def _repr_html_(self) -> str:
        counts = np.bincount(self._pool.classes[self._labelled], minlength=len(self.classes))
        return figures_as_html(
            f"ActiveLearner · {self.recipe.name}",
            {
                "samples": f"{len(self._pool):,}, {self._pool.features.shape[1]} features each",
                "labelled": f"{len(self._labelled):,}",
                "to be told": f"{len(self._open):,}",
                "labels by class": listed(
                    [f"{name}: {count}" for name, count in zip(self.classes, counts, strict=True)]
                ),
            },
        )

    @property
    def _labelled(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self._pool.classes != UNKNOWN)

    @property
    def _is_labelled(self) -> bool:
        return bool((self._pool.classes != UNKNOWN).any())

    def _model(self) -> Head | None:
        """The head of this cycle, trained on the labels so far as its stage trains it; None without a label."""
        if self._head is None and self._is_labelled:
            assert isinstance(self.recipe.trainer, FeatureTrainer)
            nobody = Labelled(self._pool.ids[:0], self._pool.features[:0], self._pool.classes[:0])
            self._head = train_head(
                self._pool,
                nobody,
                len(self.classes),
                self.recipe.trainer,
                self.recipe.schedule,
                self.seed,
                self._cycle,
                self._labelled,
                self._previous,
            )
        return self._head

    def _constraints(self, choice: Choice, candidates: npt.NDArray[np.str_]) -> Constraints:
        there = {*candidates.tolist()}
        return Constraints(
            exclude=[name for name in self.recipe.selector.exclude if name in there],
            include=[name for name in self.recipe.selector.include if name in there],
            explore=choice.explore,
            near_duplicates=choice.near_duplicates,
            rare_classes=rare_share(choice),
        )

    def _told(self, ids: Sequence[Any], labels: Sequence[Any], asked: bool = True) -> dict[int, int]:
        """The class of each row that is told, once everything about it is checked."""
        if any(isinstance(given, str) or not isinstance(given, Iterable) for given in (ids, labels)):
            raise InputError("ids and labels come in lists, also where there is one of each. Give [id] and [label].")
        names, given = list_of("ids", ids), list_of("labels", labels)
        if len(names) != len(given):
            raise InputError(f"{len(names)} ids and {len(given)} labels were told. Give one label an id.")
        number = {name: index for index, name in enumerate(self.classes)}
        found: dict[int, int] = {}
        for name, label in zip(names, given, strict=True):
            row = self._rows.get(name) if isinstance(name, Hashable) else None
            if row is None:
                raise InputError(f"There is no sample {name!r}. Nothing was taken in; correct the id.")
            if asked and not self._asked[row]:
                raise InputError(f"Sample {name!r} was never asked for. Nothing was taken in; tell what ask returned.")
            if row in found:
                raise InputError(f"Sample {name!r} is told twice. Nothing was taken in; tell each once.")
            if label is not None and (not isinstance(label, Hashable) or label not in number):
                raise InputError(
                    f"Sample {name!r}: {label!r} is no class.{likely_class(label, self.classes)} Nothing was taken in; "
                    "the classes are "
                    f"{few_of(self.classes, 10)}."
                )
            found[row] = UNKNOWN if label is None else number[label]
        return found

    def _class_array(self) -> npt.NDArray[Any]:
        """The classes as an array: of texts or numbers where all are, else of objects."""
        plain = all(isinstance(name, str) for name in self.classes) or all(
            isinstance(name, int) for name in self.classes
        )
        if plain:
            return np.array(self.classes)
        array = np.empty(len(self.classes), object)
        array[:] = self.classes
        return array
