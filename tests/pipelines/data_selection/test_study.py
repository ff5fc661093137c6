"""The bench of the papers' tables: rows that are kept, hours that are held to, and verdicts."""

import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.select.batch import check_arguments
from tests.bench.methods.images import unpack
from tests.bench.methods.study.__main__ import main as study_main
from tests.bench.methods.study.cycle_copies import copy_until
from tests.bench.methods.study.feature_sets import read_sets
from tests.bench.methods.study.jobs import Job, Row, Rows, measure_within, rows_of
from tests.bench.methods.study.measure import Data, measure
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.study_asvp import asvp_jobs, asvp_report, cycles_of
from tests.bench.methods.study.study_dropquery import dropquery_jobs, dropquery_report
from tests.bench.methods.study.study_imbalance import imbalance_jobs, imbalance_report
from tests.bench.methods.study.study_peal import peal_jobs, peal_report
from tests.bench.methods.study.study_vecaf import SELECTIONS, vecaf_jobs, vecaf_report
from tests.bench.methods.study.verdicts import Claim, claims_table, verdict_on
from tests.bench.pack_images import main as pack_images


def job(arm: str, seed: int = 0, **overrides: Any) -> Job:
    return Job("vecaf", arm, seed, "selection", "vecaf_linear", overrides)


def accuracy(row: Row) -> float:
    value: float = row.figures["accuracy"]
    return value


@pytest.fixture
def data(tmp_path: Path, text_encoder: Path) -> Data:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    features = (generator.normal(size=(120, 5)) + 3 * np.eye(3, 5)[labels]).astype(np.float16)
    ids, classes = np.array([f"sample-{number:03d}" for number in range(120)]), np.array(["red", "green", "blue"])
    np.savez(tmp_path / "features.npz", features=features, labels=labels, classes=classes, ids=ids)
    for name in ("images.tar", "weights.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    archive, weights = tmp_path / "images.tar", tmp_path / "weights.safetensors"
    out = tmp_path / "out"
    return Data(tmp_path / "features.npz", archive, weights, "vit_tiny_patch16_224", str(text_encoder), out)


def test_rows_are_kept_by_what_decides_them(tmp_path: Path) -> None:
    one = job("a")
    assert one.digest == job("another name").digest
    other = {job("a", 1).digest, job("a", **{"data_selection.replay": True}).digest, one.digest}
    assert len(other) == 3
    rows = Rows(tmp_path / "rows.jsonl")
    rows.add(one, Row(one.digest, {"accuracy": 0.5}, 1.0, 2.0, "selection"))
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"digest": "cut o')
    again = Rows(tmp_path / "rows.jsonl")
    two = job("b", 1)
    again.add(two, Row(two.digest, {"accuracy": 0.6}, 1.0, 2.0, "selection"))
    last = Rows(tmp_path / "rows.jsonl")
    assert last.get(one) == rows.get(one) and last.get(two) is not None and last.get(job("c", 2)) is None


def test_rows_that_come_with_the_bench_are_printed_without_the_files(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Rows(tmp_path / "kept.jsonl")
    for one in peal_jobs(data, Sizes(), 1):
        if one.arm == "PEAL, random":
            figures = {"curve": [[50, 0.123, 1.0]], "unknown": [1], "known": [1], "trainable_share": 0.5}
            kept.add(one, Row(one.digest, figures, 1.0, 2.0, "campaign"))
    given = [
        "--studies",
        "peal",
        "--seeds",
        "1",
        "--rows",
        str(tmp_path / "kept.jsonl"),
        "--out",
        str(tmp_path / "new"),
    ]
    for name, file in (("archive", data.archive), ("weights", data.weights)):
        assert file is not None
        given += [f"--{name}", f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"]
    monkeypatch.setattr(sys, "argv", ["study", "--hours", "0", *given])
    study_main()
    printed = capsys.readouterr().out
    assert "| PEAL, random | 12.3 (one seed) |" in printed and not (tmp_path / "new").exists()
    monkeypatch.setattr(sys, "argv", ["study", "--hours", "0", "--measured", *given])
    study_main()
    short = capsys.readouterr().out
    assert "PEAL, entropy" in printed and "PEAL, entropy" not in short and "\n12 of these 13 rows are missing." in short
    monkeypatch.setattr(sys, "argv", ["study", "--hours", "1", *given])
    with pytest.raises(SystemExit):
        study_main()


def test_no_row_is_begun_that_may_end_too_late(tmp_path: Path) -> None:
    clock, begun = [0.0], []

    def measured(one: Job) -> Mapping[str, Any]:
        begun.append((one.arm, one.seed))
        clock[0] += 1000
        if one.arm == "broken":
            raise SystemExit("it broke")
        return {"accuracy": 0.1}

    arms = [("a", {}), ("broken", {"data_selection.loops": 2}), ("b", {"data_selection.replay": True})]
    jobs = [job(arm, seed, **overrides) for arm, overrides in arms for seed in (0, 1)]
    rows = Rows(tmp_path / "rows.jsonl")
    missing = measure_within(1.0, jobs, rows, measured, lambda: clock[0])
    assert begun == [("a", 0), ("broken", 0), ("b", 0)]
    assert [(one.arm, one.seed) for one in missing] == [("broken", 0), ("a", 1), ("broken", 1), ("b", 1)]
    begun.clear()
    measure_within(1.0, jobs, Rows(tmp_path / "rows.jsonl"), measured, lambda: clock[0])
    assert begun == [("broken", 0), ("a", 1), ("broken", 1)]


def test_studies_take_turns_by_the_time_that_they_took(tmp_path: Path) -> None:
    clock, begun = [0.0], []

    def measured(one: Job) -> Mapping[str, Any]:
        begun.append(one.arm)
        clock[0] += 100 if one.arm.startswith("slow") else 40
        return {}

    jobs = [replace(job(f"slow {seed}", seed), study="peal") for seed in range(3)]
    jobs += [job(f"quick {seed}", seed + 10) for seed in range(6)]
    assert measure_within(1.0, jobs, Rows(tmp_path / "rows.jsonl"), measured, lambda: clock[0]) == []
    assert begun[:7] == ["slow 0", "quick 0", "quick 1", "quick 2", "slow 1", "quick 3", "quick 4"]


def test_verdicts_are_of_paired_seeds() -> None:
    def row(value: float) -> Row:
        return Row("", {"accuracy": value}, 0.0, 0.0, "")

    found = {"x": {0: row(0.5), 1: row(0.6), 2: row(0.7)}, "y": {1: row(0.5), 2: row(0.58), 3: row(0.9)}, "z": {}}
    verdict = verdict_on(Claim("table 1", "x", "y", accuracy), found)
    assert (verdict.direction, verdict.seeds) == ("same", 2) and verdict.difference == pytest.approx(0.11)
    assert verdict.half_width == pytest.approx(12.7062 * 0.01, rel=1e-4) and not verdict.decided
    assert verdict_on(Claim("table 1", "y", "x", accuracy), found).direction == "other"
    assert verdict_on(Claim("table 1", "x", "z", accuracy), found).direction == "not comparable"
    assert "| x > x | table 3 | accuracy | equal | +0.0 ± 0.0 | 3 |" in claims_table(
        [Claim("table 3", "x", "x", accuracy)], found, {"table 3.*": "the same runs"}
    )
    unstated = verdict_on(Claim("open question", "x", "y", accuracy, stated=False), found)
    assert unstated.direction == "not comparable" and unstated.difference == verdict.difference
    shown = claims_table([Claim("table 1", "x", "y", accuracy), Claim("table 2", "x", "z", accuracy)], found)
    assert "| same, not decided | +11.0 ± 12.7 | 2 |" in shown and "| not comparable |" in shown
    assert "what was checked" not in shown
    wrong = [
        Claim("table 1", "y", "x", accuracy),
        Claim("table 2", "y", "x", accuracy),
        Claim("table 2", "x", "y", accuracy),
    ]
    shown = claims_table(wrong, found, {"table 1: y > .*": "trained twice as long: the same", "table 2: x .*": "never"})
    assert [line.split(" | ")[-1] for line in shown.splitlines()[2:]] == [
        "trained twice as long: the same |",
        "nothing yet |",
        " |",
    ]


def test_every_row_of_every_study_has_valid_settings(data: Data, tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.jsonl")
    for jobs, report in (
        (vecaf_jobs, vecaf_report),
        (asvp_jobs, asvp_report),
        (peal_jobs, peal_report),
        (dropquery_jobs, dropquery_report),
        (imbalance_jobs, imbalance_report),
    ):
        found = jobs(data, Sizes(), 1)
        assert len({one.digest for one in found}) == len(found)
        for recipe in (one.whole_recipe() for one in found):
            check_arguments(recipe.selector.strategy, recipe.selector.arguments)
            check_arguments(recipe.cold_start.strategy, recipe.cold_start.arguments)
        assert report(found, rows).count("not comparable") > 3


def test_cycles_of_asvp_grow_and_end_with_a_final_model() -> None:
    cycles = cycles_of(Sizes(batch=50, cycles=6))
    assert cycles.labels == [25, 50, 75, 100, 150, 200] and cycles.finals == [1, 3, 5]
    assert cycles.positions == [50, 100, 150]
    whole = cycles_of(Sizes())
    assert whole.labels[-1] == 400 and whole.finals == [3, 6, 9]


def test_main_arms_are_chosen_by_priority(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--hours", "0", "--studies", "asvp", "--seeds", "1", "--out", str(tmp_path / "new")]
    given += ["--archive", str(data.archive), "--weights", str(data.weights)]
    for priority, missing in (("0", 4), ("1", 7)):
        monkeypatch.setattr(sys, "argv", ["study", *given, "--priority", priority])
        study_main()
        assert f"\n{missing} rows are missing" in capsys.readouterr().out


def test_a_selection_is_measured_from_end_to_end(data: Data, tmp_path: Path) -> None:
    more = {**data.of_features, "pool": 0, "share": 0.1}
    few = {"data_selection.total_batches": 9, "data_selection.measurements": 2, "trainer.batch_size": 4}
    arms = {name: SELECTIONS[name] for name in ("random", "ODS + CEA, trained on augmented", "Top-K loss", "ALFA-Mix")}
    jobs = [Job("vecaf", arm, 0, "selection", "vecaf_linear", given | few, more) for arm, given in arms.items()]
    rows = Rows(tmp_path / "rows.jsonl")
    assert measure_within(1.0, jobs, rows, lambda one: measure(one, data)) == []
    for by_seed in rows_of(jobs, rows).values():
        assert [batches for batches, _ in by_seed[0].figures["points"]] == [1, 3, 4, 6, 7, 9]
    assert vecaf_report(jobs, rows).count(" (one seed)") >= 4


def test_a_backtest_is_measured_from_end_to_end(data: Data, tmp_path: Path) -> None:
    jobs = [
        replace(job, more={**job.more, "pool": 60, "cycles": 2})
        for job in dropquery_jobs(data, Sizes(), 1)
        if job.arm in ("dropquery", "bald, clustered", "margin, logistic, propagation")
    ]
    rows = Rows(tmp_path / "rows.jsonl")
    assert measure_within(1.0, jobs, rows, lambda one: measure(one, data)) == []
    for by_seed in rows_of(jobs, rows).values():
        assert [labels for labels, _ in by_seed[0].figures["curve"]] == [3, 6]
    assert dropquery_report(jobs, rows).count(" (one seed)") == 9


def test_other_sets_have_tables_of_their_own(data: Data, tmp_path: Path) -> None:
    more = read_sets(["digits", f"colours={data.features}"], None, "")
    with_sets = replace(data, features=None, sets=more)
    jobs = [
        replace(job, more={**job.more, "pool": 60, "cycles": 2})
        for job in dropquery_jobs(with_sets, Sizes(), 1)
        if job.arm in ("random", "random, random start")
    ]
    assert len({job.digest for job in jobs}) == 4
    assert len(dropquery_jobs(with_sets, Sizes(), 1)) == 2 * len(dropquery_jobs(data, Sizes(), 1))
    rows = Rows(tmp_path / "rows.jsonl")
    assert measure_within(1.0, jobs, rows, lambda one: measure(one, with_sets)) == []
    ends = {job.study: row.figures["curve"][-1][0] for job in jobs if (row := rows.get(job))}
    assert ends == {"dropquery, digits": 20, "dropquery, colours": 6}
    report = dropquery_report(jobs, rows)
    assert report.count("### dropquery, ") == 2 and "unlabelled data" not in report
    with pytest.raises(SystemExit, match="--weights"):
        read_sets([f"images={data.archive}"], None, "")


def test_arms_and_kinds_are_chosen_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--hours", "0", "--sets", "digits", "--out", str(tmp_path), "--rows", str(tmp_path / "none.jsonl")]
    for more, missing in ((["--arms", "typiclust", "M = 5"], 6), (["--kinds", "campaign"], 0)):
        monkeypatch.setattr(sys, "argv", ["study", *given, *more])
        study_main()
        assert f"\n{missing} rows are missing" in capsys.readouterr().out


def test_a_copy_of_a_campaign_knows_nothing_of_later_cycles(tmp_path: Path) -> None:
    for cycle in (4, 5, 12):
        (tmp_path / "root/cycles" / str(cycle)).mkdir(parents=True)
        (tmp_path / "root/queries").mkdir(exist_ok=True)
        for suffix in ("csv", "json"):
            (tmp_path / f"root/queries/cycle-{cycle:04d}.{suffix}").touch()
    copy = copy_until(tmp_path / "root", 4)
    found = sorted(path.relative_to(copy).as_posix() for path in copy.glob("*/*"))
    assert found == ["cycles/4", "queries/cycle-0004.csv", "queries/cycle-0004.json"]


def test_images_are_packed_for_another_machine(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"weights")
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for number in range(9):
            member = tarfile.TarInfo(f"all/class-{number % 3}/{number}.jpg")
            member.size = 2
            archive.addfile(member, io.BytesIO(b"%02d" % number))
    given = ["--archive", str(tmp_path / "all.tar"), "--weights", str(tmp_path / "weights.safetensors")]
    pack_images([*given, "--images", "6", "--out", str(tmp_path / "packed")])
    images = unpack(tmp_path / "packed" / "images.tar", tmp_path / "images", 4, 2, seed=0)
    files = sorted(images.folder.glob("*/*.jpg"))
    assert len(files) == 6 and all(int(file.read_bytes()) == int(file.stem) for file in files)
    assert (tmp_path / "packed" / "weights.safetensors").read_bytes() == b"weights"


def test_a_long_tail_is_measured_from_end_to_end(tmp_path: Path, text_encoder: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 900)
    features = (generator.normal(size=(2700, 4)) + 3 * np.eye(3, 4)[labels]).astype(np.float16)
    ids, classes = np.array([f"sample-{number:04d}" for number in range(2700)]), np.array(["red", "green", "blue"])
    np.savez(tmp_path / "features.npz", features=features, labels=labels, classes=classes, ids=ids)
    data = Data(tmp_path / "features.npz", None, None, "vit_tiny_patch16_224", str(text_encoder), tmp_path)
    wanted = ("bald, 1:50", "class weights, rare classes, 1:50")
    jobs = [job for job in imbalance_jobs(data, Sizes(), 1) if job.arm in wanted]
    rows = Rows(tmp_path / "rows.jsonl")
    assert measure_within(1.0, jobs, rows, lambda one: measure(one, data)) == []
    bald, rare = (by_seed[0].figures for by_seed in rows_of(jobs, rows).values())
    assert bald["labels"] == list(range(50, 501, 50)) and bald["macro_f1"] != rare["macro_f1"]
    assert rare["rarest"][0] == bald["rarest"][0]
    assert imbalance_report(jobs, rows).count(" (one seed)") == 4
