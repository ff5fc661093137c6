"""`make bench-labels` must not rot: its figures by hand, its resumption, and a tiny run from end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from labelcycle.components.core.models.head import softmax
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.pipelines.backtest.labelled_history import Labelled
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.bench.labels import __main__ as bench
from tests.bench.labels import figures, jobs, methods, tables
from tests.bench.labels.data import Data, budgets, history_of
from tests.bench.labels.features import main as export_features
from tests.bench.labels.figures import Entry, ahead, read_leaderboards, saved, wins
from tests.bench.labels.heads import scikit_learn_head, seen_by
from tests.bench.labels.methods import LABELCYCLE, METHODS


def entry(method: str, accuracy: list[list[float]], seeds: tuple[int, ...] = (0, 1)) -> Entry:
    """Of two classes, with 1, 2 and 5 labels of each."""
    by = method.split()[0]
    return Entry("set", method, by, "logistic", 2, 100, 50, seeds, [2, 4, 10], np.array(accuracy), 1.0)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 40 samples."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    file = tmp_path_factory.mktemp("bench") / "three.npz"
    np.savez(
        file,
        ids=np.array([f"sample-{number:03d}" for number in range(120)]),
        features=(generator.normal(size=(120, 8)) + 2 * np.eye(8)[labels]).astype(np.float16),
        labels=labels,
        classes=np.array(["red", "green", "blue"]),
    )
    return file


def test_area_weighs_budgets_by_their_distance() -> None:
    accuracy = np.array([[0.2, 0.4, 0.8]])
    assert figures.area(np.log([1, 2, 4]), accuracy) == pytest.approx([(0.3 + 0.6) / 2])
    assert figures.area(np.array([1.0, 2.0, 4.0]), accuracy) == pytest.approx([(0.3 + 2 * 0.6) / 3])


def test_wins_pair_seeds_and_count_ties_half() -> None:
    one = entry("one", [[0.5, 0.6, 0.9], [0.4, 0.7, 0.8]])
    other = entry("other", [[0.4, 0.7, 0.7], [0.4, 0.6, 0.9]], seeds=(1, 0))
    # seed 0: .5 > .4, .6 = .6, .9 = .9; seed 1: .4 = .4, .7 = .7, .8 > .7
    assert wins(one, other) == pytest.approx((2 + 4 / 2) / 6)
    assert wins(other, one) == pytest.approx(1 - wins(one, other))


def test_lead_has_the_error_of_paired_seeds() -> None:
    one = entry("one", [[0.5, 0.5, 0.5], [0.9, 0.9, 0.9]])
    other = entry("other", [[0.4, 0.4, 0.4], [0.6, 0.6, 0.6]])
    mean, error = ahead(one, other)
    assert mean == pytest.approx(0.2)
    assert error == pytest.approx(0.1)  # of .1 and .3: deviation .1414, by the root of two


def test_savings_are_read_off_the_mean_random_curve() -> None:
    random = entry("random", [[0.2, 0.4, 0.7], [0.4, 0.6, 0.9]])  # mean .3 .5 .8
    active = entry("active", [[0.4, 0.65, 0.9], [0.4, 0.65, 0.9]])
    found = saved(active, random)
    assert found[1].equivalent_labels == pytest.approx(3)  # halfway from 2 labels to 4
    assert found[2].equivalent_labels == pytest.approx(7)  # halfway from 4 to 10
    assert found[2].ratio == pytest.approx(3 / 7)
    assert (found[5].equivalent_labels, found[5].sign) == (10, "≥")


def test_tables_tell_what_is_below_random_and_where_the_default_is_behind() -> None:
    ours = entry(f"{LABELCYCLE} default", [[0.5, 0.7, 0.9], [0.5, 0.7, 0.9]])
    peer = entry("peer", [[0.4, 0.8, 0.8], [0.4, 0.9, 0.8]])
    random = entry("other random", [[0.3, 0.5, 0.7], [0.3, 0.5, 0.7]])
    poor = entry("poor", [[0.3, 0.4, 0.7], [0.3, 0.4, 0.7]])
    found = {"set": sorted([ours, peer, random, poor], key=lambda one: -one.areas().mean())}
    marked = [line for line in tables.areas(found).splitlines() if "↓" in line and line.startswith("|")]
    assert len(marked) == 1 and marked[0].startswith("| poor, logistic head |")
    verdict = tables.verdicts(found).splitlines()[-1]
    assert verdict.endswith("| 2 (-15.0) |")  # .8 and .9 against .7 twice; ahead with one and five labels a class
    assert "| any | 2 of 4 | peer | -2.5 ± 2.5 |" in verdict


def test_budgets_leave_a_third_of_the_pool() -> None:
    assert budgets(10, 150)[-1] == 100
    assert budgets(10, 4000, most=5) == [10, 20, 30, 40, 50]
    assert budgets(102, 3200)[-1] == 20 * 102


def test_scikit_learn_head_predicts_as_scikit_learn_does(features: Path) -> None:
    pool = history_of(Data("three", str(features)), 0).pool
    moments = feature_moments([pool.features])
    assert moments is not None
    mean, deviation = moments
    for classes in ((0, 1, 2), (0, 2)):
        rows = np.flatnonzero(np.isin(pool.classes, classes))[::4]
        head = scikit_learn_head(pool, rows, 3, moments)
        peer = LogisticRegression(C=0.05, max_iter=3000)
        peer.fit((pool.features[rows].astype(np.float32) - mean) / deviation, pool.classes[rows])
        expected = np.zeros((len(pool), 3))
        expected[:, classes] = peer.predict_proba((pool.features.astype(np.float32) - mean) / deviation)
        found = head.probabilities(pool.features)
        np.testing.assert_allclose(found, expected, atol=1e-3)  # its solver stops at a tolerance
        by_last_layer = softmax(seen_by(head, pool.features) @ head.last.weight.T + head.last.bias)
        np.testing.assert_allclose(by_last_layer, found, atol=1e-5)


def test_one_class_is_enough_for_the_scikit_learn_head() -> None:
    pool = Labelled(np.array(["a", "b"]), np.eye(2, dtype=np.float16), np.array([1, 1]))
    moments = feature_moments([pool.features])
    assert moments is not None
    head = scikit_learn_head(pool, np.array([0]), 3, moments)
    assert head.probabilities(pool.features).tolist() == [[0, 1, 0], [0, 1, 0]]


@pytest.mark.draws
def test_a_second_run_measures_what_is_missing_alone(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.md"
    results.write_text(f"before\n{bench.MARK}\nold\n{bench.END}\nafter\n")
    arguments = ["--sets", f"three={features}", "--by", "labelcycle", "--cores", "1", "--out", str(tmp_path / "out")]
    drawn = ["--plot", str(tmp_path / "plot.png"), "--write", str(results)]
    asked: list[str] = []
    campaign = jobs.campaign
    monkeypatch.setattr(jobs, "campaign", lambda job, known: asked.append(job.method.name) or campaign(job, known))
    assert _exit_code([*arguments, "--seeds", "1"]) == 0
    ours = [method.name for method in METHODS if method.by == LABELCYCLE for _ in method.heads]
    assert sorted(asked) == sorted(ours)
    assert _exit_code([*arguments, "--seeds", "2", *drawn]) == 0
    assert sorted(asked) == sorted([*ours, *ours])
    entries = read_leaderboards(tmp_path / "out")["three"]
    assert {found.seeds for found in entries} == {(0, 1)}
    assert {found.seeds for found in read_leaderboards(tmp_path / "out", seeds=1)["three"]} == {(0,)}
    assert entries[0].labels == budgets(3, entries[0].pool)
    written = results.read_text()
    assert written.startswith("before\n") and written.endswith("after\n") and "old" not in written
    assert "labelcycle default, logistic head" in written and written.count("\n### ") == 5
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.setattr(jobs, "VERSION", jobs.VERSION + 1)
    assert _exit_code([*arguments, "--seeds", "1", "--methods", "margin"]) == 0
    assert asked[len(ours) * 2 :] == ["margin"]
    newest = next(one for one in read_leaderboards(tmp_path / "out")["three"] if one.method == f"{LABELCYCLE} margin")
    assert newest.seeds == (0,)
    capsys.readouterr()


def test_tables_need_results_alone(features: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--by", "labelcycle", "--methods", "default,random", "--seeds", "1", "--cores", "1", "--most", "5"]
    assert _exit_code(["--sets", f"three={features}", *arguments, "--out", str(tmp_path)]) == 0
    measured = capsys.readouterr().out
    assert _exit_code(["--sets", "--only-tables", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == measured


def test_choices_that_ask_no_head_serve_both(features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skactiveml")
    coreset = next(method for method in METHODS if method.name == "coreset")
    first, second = jobs.jobs_of([Data("three", str(features))], [coreset], 1, ("logistic", "scikit-learn"), 5)
    fresh = jobs.campaign(second)[1]
    jobs.measure(first, tmp_path)
    monkeypatch.setattr(methods, "begin", lambda *given: pytest.fail("chosen twice"))
    jobs.measure(second, tmp_path)
    by_head = {found.head: found for found in read_leaderboards(tmp_path)["three"]}
    assert by_head["scikit-learn"].accuracy[0].tolist() == fresh
    assert by_head["logistic"].accuracy[0].tolist() != fresh


def test_peers_see_the_head_that_we_see(features: Path) -> None:
    """Margin sampling leaves no choice, so both libraries ask for the same samples all along."""
    pytest.importorskip("skactiveml")
    both = [method for method in METHODS if method.name == "margin"]
    picks = [
        jobs.campaign(jobs.Job(Data("three", str(features)), "", method, "logistic", 0, most=5))[2] for method in both
    ]
    assert len(both) == 2 and both[0].by != both[1].by
    assert [rows.tolist() for rows in picks[0]] == [rows.tolist() for rows in picks[1]]


@pytest.mark.parametrize("method", [method for method in METHODS if method.by != LABELCYCLE], ids=lambda one: one.key)
def test_every_peer_runs(features: Path, method: methods.Method) -> None:
    pytest.importorskip("skactiveml")
    for start in methods.starts_of(method):
        began = replace(method, start=start)
        labels, accuracy, _ = jobs.campaign(
            jobs.Job(Data("three", str(features)), "", began, "scikit-learn", 0, most=3)
        )
        assert labels == [3, 6, 9] and min(accuracy) > 0


def test_failures_are_counted_and_do_not_stop_others(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = methods.begin

    def failing(method: methods.Method, *given: object) -> methods.Asks:
        if method.name == "badge":
            raise ValueError("no badge today")
        return begin(method, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(methods, "begin", failing)
    arguments = ["--sets", f"three={features}", "--by", "labelcycle", "--methods", "default,badge", "--seeds", "1"]
    assert _exit_code([*arguments, "--cores", "1", "--most", "3", "--out", str(tmp_path)]) == 1
    assert "no badge today" in capsys.readouterr().err
    assert len(read_leaderboards(tmp_path)["three"]) == 1


def test_a_set_without_its_file_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match=r"no-such\.npz for the set 'eurosat'"):
        bench.sets_of(["eurosat=no-such.npz"])
    assert bench.sets_of(["eurosat=", "digits"]) == [Data("digits", "")]


def test_features_of_a_campaign_are_a_set(features: Path, tmp_path: Path) -> None:
    with np.load(features) as file:
        ids, vectors, names = file["ids"], file["features"], file["classes"][file["labels"]]
    root = str(tmp_path / "root")
    begin_campaign(root, CampaignSettings(recipe="uherding", embeddings=str(features), budget=30, batch=10))
    labels = tmp_path / "labels.csv"
    labels.write_text("sample_id,label\n" + "".join(f"{one},{name}\n" for one, name in zip(ids, names, strict=True)))
    made = tmp_path / "made.npz"
    export_features([root, "--labels", str(labels), "--out", str(made)])
    with np.load(made) as file:
        assert file["ids"].tolist() == ids.tolist()
        assert file["features"].tolist() == vectors.tolist()
        assert file["classes"][file["labels"]].tolist() == names.tolist()
    for part in ("pool", "test"):
        one, other = (getattr(history_of(Data("any", str(path)), 0), part) for path in (features, made))
        assert one.ids.tolist() == other.ids.tolist()
        assert one.classes.tolist() == other.classes.tolist()


def _exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    return int(ended.value.code or 0)
