"""Labels saved are read off curves, worked by hand here; arms run in one process, once, and fail loudly."""

from pathlib import Path

import pytest
from rich.console import Console

from labelcycle.components.analysis.savings import Curve
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.backtest import arm
from labelcycle.pipelines.backtest.arm import Outcome
from labelcycle.pipelines.demo import comparison
from labelcycle.pipelines.demo.comparison import Comparison, Learnt, Sizes, compare, compared_in_recipe, labels_saved
from labelcycle.pipelines.demo.results import curves_of, table_of, table_on_images, verdict, verdict_on_images

RANDOM = Learnt("random", [10, 20, 30, 40], [[0.4, 0.5, 0.6, 0.7], [0.2, 0.3, 0.4, 0.5]])
"""Rises by a point a label; 0.3, 0.4, 0.5, 0.6 on average."""
TINY = Sizes(seeds=1, batch=8, cycles=2, random_cycles=3)


def default(*rows: list[float]) -> Learnt:
    return Learnt("uherding", [10, 20], list(rows))


def found(*rows: list[float]) -> Comparison:
    return Comparison(default(*rows), RANDOM, Learnt("linear_probe", [10, 20], [[0.1, 0.2], [0.15, 0.25]]))


def text_of(table: object) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_labels_saved_by_hand() -> None:
    """On average .35 and .55, which random has with 15 and 35; the seeds by themselves save (0, 5) and (10, 20+)."""
    first, second = labels_saved(default([0.4, 0.55], [0.3, 0.55]), RANDOM)
    assert (first.labels, second.labels) == (10, 20)
    assert first.saved == pytest.approx(5) and second.saved == pytest.approx(15)
    assert second.saving.ratio == pytest.approx(15 / 35) and second.saving.sign == ""
    assert (first.lowest, first.highest) == pytest.approx((0, 10))
    assert (second.lowest, second.highest) == pytest.approx((5, 20))


def test_labels_lost_by_hand() -> None:
    """On average .3 and .35: as random with 10, and with 15 where 20 were used."""
    first, second = labels_saved(default([0.4, 0.45], [0.2, 0.25]), RANDOM)
    assert first.saved == pytest.approx(0) and second.saved == pytest.approx(-5)


def test_what_random_never_has_is_a_bound() -> None:
    _, last = labels_saved(default([0.5, 0.9], [0.5, 0.9]), RANDOM)
    assert last.saved == pytest.approx(20) and last.saving.sign == "≥"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            ([0.4, 0.55], [0.3, 0.55]),
            "From the second cycle on uherding saves labels at every budget. What it reaches with 20 labels takes 35 "
            "random ones: 43% saved.",
        ),
        (([0.5, 0.9], [0.5, 0.9]), "takes at least 40 random ones: at least 50% saved."),
        (([0.4, 0.45], [0.2, 0.25]), "uherding saves no labels here"),
    ],
)
def test_the_verdict_is_what_the_curves_say(rows: tuple[list[float], ...], words: str) -> None:
    assert words in verdict(found(*rows))


def test_the_verdict_counts_the_budgets_that_save_nothing() -> None:
    longer = Learnt("uherding", [10, 20, 30, 40], [[0.4, 0.6, 0.6, 0.6], [0.2, 0.4, 0.4, 0.4]])
    text = verdict(Comparison(longer, RANDOM, longer))
    assert text == "From the second cycle on uherding saves labels at 1 of 3 budgets. With 40 labels it saves none."


def test_the_table_has_every_arm_and_the_spread_of_its_seeds() -> None:
    rows = text_of(table_of(found([0.4, 0.55], [0.3, 0.55]))).splitlines()
    assert [cell.strip() for cell in rows[4].split("│")[1:-1]] == [
        "20",
        "0.550 (.550–.550)",
        "0.400 (.300–.500)",
        "0.225 (.200–.250)",
        "15 (5 to 20)",
    ]
    assert curves_of(found([0.4, 0.55], [0.3, 0.55])).startswith(b"\x89PNG")


def test_what_is_told_of_images() -> None:
    ours, theirs = Curve([20, 40], [0.5, 0.6]), Curve([20, 40], [0.4, 0.65])
    rows = text_of(table_on_images(default([0.4, 0.55], [0.3, 0.55]), ours, theirs)).splitlines()
    assert [cell.strip() for cell in rows[3].split("│")[1:-1]] == ["20", "0.550 (.550–.550)", "0.500", "0.400"]
    assert [cell.strip() for cell in rows[4].split("│")[1:-1]] == ["40", "–", "0.600", "0.650"]
    assert "PEAL is ahead at 1 of 2 budgets" in verdict_on_images(ours, theirs)


def test_recipes_choose_as_in_a_campaign() -> None:
    chooses = compared_in_recipe("uherding")
    assert (chooses.chooser.strategy, chooses.cold_start.strategy) == ("uherding", "kmeans")
    assert compared_in_recipe("peal_entropy").chooser.parameters == {"class_balanced": True}


def test_arms_run_once(embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    first = compare(str(tmp_path), str(embeddings), TINY, told.append)
    assert [len(told), len(first.default.accuracy[0]), len(first.random.accuracy[0])] == [3, 2, 3]
    assert first.default.labels == [8, 16] and first.random.labels == [8, 16, 24]
    assert first.default.accuracy != first.peal.accuracy
    monkeypatch.setattr(arm, "_run", None)
    assert compare(str(tmp_path), str(embeddings), TINY) == first


def test_an_arm_that_fails_stops_the_demo(embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "run", lambda root, plan, name: Outcome(name, [], "no memory"))
    with pytest.raises(LabelcycleError, match="uherding, seed 0, failed: no memory"):
        compare(str(tmp_path), str(embeddings), TINY)
