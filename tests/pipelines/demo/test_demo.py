"""`make demo` from end to end with small campaigns, and how it ends where a step fails."""

import errno
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.analysis.savings import Curve
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.demo import __main__ as demo
from labelcycle.pipelines.demo import on_images
from labelcycle.pipelines.demo.comparison import Comparison, Learnt, Sizes
from labelcycle.pipelines.demo.demo_campaign import CampaignFailed, Finished, run_campaign
from labelcycle.pipelines.demo.on_images import curve_on_images, process_on_images, run_on_images
from tests.conftest import Pictures

TINY = Sizes(seeds=1, cycles=2, random_cycles=3, campaign_cycles=2)


@contextmanager
def no_images(*arguments: Any) -> Iterator[Callable[[], None]]:
    yield lambda: None


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo without its campaigns, which take processes of their own."""
    monkeypatch.setattr(demo, "process_on_images", no_images)
    monkeypatch.setattr(demo, "curve_on_images", lambda folder, recipe: Curve([20], [0.5]))
    monkeypatch.setattr(demo, "run_campaign", lambda *arguments: Finished(20, 0.8, "report.html"))


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*arguments: Any) -> None:
        raise error

    return fail


def test_it_says_what_it_did_and_where_things_are(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main([str(tmp_path)], TINY) == 0
    told = capsys.readouterr().out
    assert "8 × 8 pixels" in told and "labels saved" in told and "rom the second cycle on" in told
    assert f"curves: {tmp_path / 'curves.png'}" in told and "report: report.html" in told and " ui --backend" in told
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "step", ["write_digits", "compare", "table_of", "curves_of", "run_campaign", "curve_on_images"]
)
def test_every_step_that_fails_ends_it(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    arm = Learnt("arm", [10, 20], [[0.5, 0.6]])
    monkeypatch.setattr(demo, "compare", lambda *arguments: Comparison(arm, arm, arm))
    monkeypatch.setattr(demo, step, failing(LabelcycleError("it broke")))
    assert demo.main([str(tmp_path)], TINY) == 1
    told = capsys.readouterr().err
    assert "error: it broke" in told and "make demo DEMO=another-folder" in told
    assert "rm -r" not in told, "the folder may hold more than the demo"


def test_it_may_be_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "write_digits", failing(KeyboardInterrupt()))
    assert demo.main([str(tmp_path)], TINY) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_file_is_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert demo.main([str(tmp_path / "file")], TINY) == 1
    told = capsys.readouterr().err
    assert f"cannot write to {tmp_path / 'file'}: File exists" in told and "make demo DEMO=another-folder" in told
    assert "rm -r" not in told, "the file may be somebody's own"


def test_a_folder_without_rights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "touch", failing(PermissionError(errno.EACCES, "Permission denied")))
    assert demo.main([str(tmp_path / "demo")], TINY) == 1
    assert f"cannot write to {tmp_path / 'demo'}: Permission denied" in capsys.readouterr().err


def test_a_full_disk(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "write_digits", failing(OSError(errno.ENOSPC, "No space left on device")))
    assert demo.main([str(tmp_path)], TINY) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_a_campaign_that_fails_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CampaignFailed, match="`labelcycle init` ended with exit code 1"):
        run_campaign(tmp_path / "a campaign", tmp_path / "none.npz", 20, 10, tmp_path / "mlflow.db")
    told = capfd.readouterr()
    assert "There is no embeddings file" in told.err
    assert f"$ labelcycle init '{tmp_path}/a campaign' --embeddings" in told.out


def test_a_recipe_runs_on_images_to_the_end_of_its_budget(pictures: Pictures, tmp_path: Path) -> None:
    shutil.copytree(pictures.images.parent, tmp_path / "digits")
    run_on_images(tmp_path, "uherding", 12, 6)
    curve = curve_on_images(tmp_path, "uherding")
    assert curve.labels == [6, 12] and min(curve.accuracy) > 0.5


def test_recipes_on_images_that_fail_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_images.main(tmp_path, 12, 6) == 1
    assert "images is not a folder" in capsys.readouterr().out
    as_python(tmp_path, monkeypatch, "echo error: it broke; exit 2")
    with (
        pytest.raises(CampaignFailed, match="ended with exit code 2:\nerror: it broke") as raised,
        process_on_images(tmp_path, 12, 6) as wait,
    ):
        wait()
    assert raised.value.exit_code == 2


def test_the_process_on_images_ends_with_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_python(tmp_path, monkeypatch, "exec sleep 600")
    with pytest.raises(KeyboardInterrupt), process_on_images(tmp_path, 12, 6) as wait:
        raise KeyboardInterrupt
    with pytest.raises(CampaignFailed, match="exit code -15") as raised:
        wait()
    assert raised.value.exit_code == 2


def as_python(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let processes run a script of the shell in Python's place."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
