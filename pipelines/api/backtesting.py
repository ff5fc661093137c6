"""`labelcycle.backtest`: which strategy would have saved the most labels, on features whose labels are known."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.api.array_input import numbers_of
from labelcycle.pipelines.api.places import checked_place, recipe_named
from labelcycle.pipelines.api.python_arguments import (
    is_missing,
    list_of,
    number,
    number_or_none,
    settings_by_name,
    text,
    texts,
    whole_number,
    whole_number_or_none,
)
from labelcycle.pipelines.api.sample_names import names_and_texts
from labelcycle.pipelines.backtest import arm
from labelcycle.pipelines.backtest.backtest_plan import write_plan
from labelcycle.pipelines.backtest.labelled_history import history_of_samples
from labelcycle.pipelines.backtest.leaderboard import Leaderboard
from labelcycle.pipelines.backtest.leaderboard_table import notes, rows
from labelcycle.pipelines.backtest.prepare import BacktestRequest, prepare
from labelcycle.pipelines.backtest.report import gather
from labelcycle.pipelines.initialise.embeddings import samples_of_arrays

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Attributes:
        leaderboard: the strategies, best first, with their curves, savings and costs, and the runs that failed.
    """

    leaderboard: Leaderboard

    @property
    def verdict(self) -> str:
        """Which strategy would have saved the most labels, in words."""
        return self.leaderboard.verdict

    def table(self) -> "pd.DataFrame":
        """A row a strategy, best first: `strategy`, `accuracy` with the last labels, `saved`, `labels_needed`, `cost`.

        `saved` is the share of labels against random picks; None where no run of both has ended. `sign` says how to
        read it: `≥` at least, `≤` at most, `~` bounds of both kinds.
        """
        import pandas as pd

        found = [
            {
                "strategy": entry.title,
                "accuracy": entry.accuracy.mean[-1],
                "saved": entry.saved and entry.saved.ratio,
                "sign": entry.saved and entry.saved.sign,
                "saved_lowest_seed": entry.saved and entry.saved.lowest,
                "saved_highest_seed": entry.saved and entry.saved.highest,
                "labels_needed": entry.saved and entry.saved.labels_needed,
                "cost": entry.cost and entry.cost.total,
                "seconds": entry.training_seconds + entry.selection_seconds,
                "sees_labels": entry.sees_labels,
            }
            for entry in self.leaderboard.entries
        ]
        return pd.DataFrame(found)

    def curves(self) -> "pd.DataFrame":
        """A row a strategy and number of labels: `strategy`, `labels`, `accuracy`, `half_width`, `macro_f1`.

        `half_width` is half the 95 % confidence interval of the mean over seeds; NaN with one seed.
        """
        import pandas as pd

        found = [
            {
                "strategy": entry.title,
                "labels": labels,
                "accuracy": entry.accuracy.mean[place],
                "half_width": entry.accuracy.half_width[place] if entry.accuracy.half_width else float("nan"),
                "macro_f1": entry.macro_f1.mean[place],
            }
            for entry in self.leaderboard.entries
            for place, labels in enumerate(self.leaderboard.plan.labels)
        ]
        return pd.DataFrame(found)

    def __repr__(self) -> str:
        return f"<BacktestResult of {len(self.leaderboard.entries)} strategies: {self.verdict}>"

    def _repr_html_(self) -> str:
        headings, cells = rows(self.leaderboard)
        head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
        failed = "".join(f"<li>{escape(f'{one.arm} failed: {one.error}')}</li>" for one in self.leaderboard.failures)
        hints = "".join(f"<li>{escape(note)}</li>" for note in notes(self.leaderboard))
        return (
            f"<p>{escape(self.verdict)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<ul>{failed}{hints}</ul>"
        )


def backtest(
    features: npt.ArrayLike,
    labels: Sequence[Any],
    *,
    ids: Sequence[Any] | None = None,
    splits: Sequence[str] | None = None,
    strategies: str | Sequence[str] = (),
    seeds: int = 5,
    batch: int | None = None,
    initial: int | None = None,
    cycles: int | None = None,
    cold_start: str = "random",
    recipe: str | PathLike[str] | None = None,
    set: Mapping[str, object] | None = None,
    test_share: float = 0.1,
    split_seed: int = 0,
    label_price: float | None = None,
    annotators_per_label: int | None = None,
    compute_price: float | None = None,
    out: str | PathLike[str] | None = None,
) -> BacktestResult:
    """Replay labelled samples with several strategies, as `labelcycle backtest` does, in this process.

    Every strategy runs a campaign of its own from the same start with each seed, and learns only the labels that it
    asks for.

    Args:
        features: (N, d) of any float or integer type, of a network of your own.
        labels: N classes, as texts or numbers; None or NaN for a sample without, which is left out.
        ids: N distinct texts or whole numbers; None for the numbers of the rows.
        splits: `pool`, `val` or `test` for each sample; None holds `test_share` of each class out.
        strategies: such as `["random", "margin", "entropy:class_balanced=true"]`; none for all that can run.
        seeds: repetitions of each; intervals need two or more.
        batch: labels a cycle; 50 unless given.
        initial: labels of the first query; one batch unless given.
        cycles: trained cycles; 10, or as many as the pool allows.
        cold_start: the strategy of the first query of all, or `own`.
        recipe: whose head every strategy trains; `uherding` unless given.
        set: settings of the recipe by name.
        test_share: between 0 and 1.
        split_seed: decides what is held out.
        label_price: of one annotation; 1 unless given.
        annotators_per_label: annotations paid for a label; 1 unless given.
        compute_price: of an hour of one CPU core; 0 unless given.
        out: a folder or `s3://` prefix that keeps what has ended, so that the same call continues; None keeps nothing.

    Raises:
        ConfigurationError: settings that contradict each other or the data.
        InputError: features, labels or splits that cannot be used.

    Cost: strategies × seeds × cycles trainings of a head and calls of a strategy, one after another.

    >>> from sklearn.datasets import load_digits
    >>> from labelcycle import backtest
    >>> X, y = load_digits(return_X_y=True)
    >>> found = backtest(X[:600], y[:600], strategies=["random", "uherding"], seeds=1, batch=20, cycles=2)
    >>> sorted(found.table()["strategy"])
    ['random', 'uherding']
    """
    values = numbers_of("features", features)
    if values.ndim != 2:
        raise InputError(f"features have one row a sample: shape (samples, numbers); got {values.shape}.")
    _, keys = names_and_texts(ids, len(values))
    given = list_of("labels", labels)
    if len(given) != len(keys):
        raise InputError(f"There are {len(keys)} samples and {len(given)} labels. Give one label a sample.")
    parts = None if splits is None else list_of("splits", splits)
    if parts is not None and len(parts) != len(keys):
        raise InputError(f"There are {len(keys)} samples and {len(parts)} splits. Give one split a sample.")
    samples = samples_of_arrays(keys, values, "features", parts)
    known = {key: str(label) for key, label in zip(keys, given, strict=True) if not is_missing(label)}
    if not known:
        raise InputError("No sample has a label. A backtest replays samples whose labels are known: give some.")
    held_out, chance = number("test_share", test_share), whole_number("split_seed", split_seed, 0)
    if not 0 < held_out < 1:
        raise ConfigurationError(f"test_share is between 0 and 1; got {held_out}. Write 10 % as 0.1.")
    history = history_of_samples("features", samples, known, held_out, chance)
    with (
        tempfile.TemporaryDirectory(prefix="labelcycle-")
        if out is None
        else nullcontext(checked_place("out", out)) as root
    ):
        request = BacktestRequest(
            out=root,
            strategies=[strategies] if isinstance(strategies, str) else texts("strategies", strategies, "margin"),
            seeds=whole_number("seeds", seeds, 1),
            initial=whole_number_or_none("initial", initial, 1),
            batch=whole_number_or_none("batch", batch, 1),
            cycles=whole_number_or_none("cycles", cycles, 2),
            cold_start=text("cold_start", cold_start, "random"),
            recipe=None if recipe is None else recipe_named(recipe),
            overrides=settings_by_name("set", set, '{"trainer.strength": 0.3}'),
            label_price=number_or_none("label_price", label_price),
            annotators_per_label=whole_number_or_none("annotators_per_label", annotators_per_label, 1),
            compute_price=number_or_none("compute_price", compute_price),
        )
        plan = prepare(request, history)
        store, arms = open_store(root), plan.arms()
        name = write_plan(store, plan)
        with Progress("backtest", len(arms), "arm") as progress:
            for each in arms:
                arm.run(root=root, plan=name, arm=each.name)
                progress.advance()
        return BacktestResult(gather(store, plan))
