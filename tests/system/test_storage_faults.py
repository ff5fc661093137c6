"""Campaigns on disks and S3 servers that fail end as the campaign that nothing disturbed, byte for byte."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import write_embeddings
from tests.harness.faulty_s3.faults import POSSIBLE, Fault, Scripted
from tests.harness.faulty_s3.proxy import FaultyS3, faulty_s3
from tests.harness.quick_campaign import losses, request, run_until_done
from tests.harness.storage_trials import Bed, SmallDisk, can_mount, full_disk_trial, make_bed, read_only_trial, s3_trial
from tests.warm_start import warm_python

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
SECONDS = 300
MAIN = "from labelcycle.pipelines.cli.main import main; main()"
WITHOUT_PAUSES = (
    "from botocore.retries.standard import ExponentialBackoff; "
    "ExponentialBackoff.delay_amount = lambda self, context: 0.0; "
)
FILES_OF_100_BYTES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)); "


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    folder = tmp_path_factory.mktemp("trials")
    return make_bed(folder, write_embeddings(folder / "embeddings.npz"), cycles=1)


@pytest.fixture
def proxy(s3_root: str, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with faulty_s3(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def labelcycle(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run `labelcycle <arguments>` in a process of its own."""
    return subprocess.run(
        [warm_python(), "-c", before + MAIN, *arguments],
        env={**os.environ, "COLUMNS": "500", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def assert_told(result: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """It ended with this exit code and one error that has these words."""
    assert result.returncode == exit_code, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("seed", [1])
def test_s3_that_fails_now_and_then(seed: int, bed: Bed, proxy: FaultyS3, s3_root: str) -> None:
    outcome = s3_trial(bed, proxy, s3_root.split("/")[2], seed, share=0.3, read_seconds=0.4)
    assert outcome.lost == ()
    assert outcome.injected > 10


@pytest.mark.parametrize("seed", [1])
def test_a_disk_that_is_full_again_and_again(seed: int, bed: Bed) -> None:
    if not can_mount(bed.folder):
        pytest.skip("only the superuser can mount a small disk")
    outcome = full_disk_trial(bed, seed)
    assert outcome.lost == ()
    assert outcome.failures == outcome.injected > 0


def test_a_disk_that_becomes_read_only(bed: Bed) -> None:
    if not can_mount(bed.folder):
        pytest.skip("only the superuser can mount a small disk")
    outcome = read_only_trial(bed, seed=2)
    assert outcome.lost == ()
    assert outcome.failures > 0


def test_processes_on_a_read_only_root(bed: Bed, tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("only the superuser can mount a small disk")
    with SmallDisk(tmp_path / "disk", 8192) as disk:
        root = str(disk.folder / "campaign")
        run_until_done(request(root, bed.embeddings, cycles=1))
        disk.read_only(True)
        status = labelcycle("status", root)
        assert status.returncode == 0, status.stderr
        assert "the budget of 8 labels is spent" in status.stdout
        refused = labelcycle("init", f"{disk.folder}/another", "--embeddings", str(bed.embeddings), "--budget", "8")
        assert_told(refused, 1, f"{disk.folder}/another", "Read-only file system. Mount it for writing")
        disk.read_only(False)
        assert losses(root, bed.reference) == []


def test_a_process_that_may_not_write_large_files(bed: Bed, tmp_path: Path) -> None:
    root = str(tmp_path / "campaign")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.harness.quick_campaign.run_cycle_once", lambda bench, before_stage: False)
        run_until_done(request(root, bed.embeddings, cycles=1))
    stage = ("stage", "label_ingest", "--root", root)
    assert_told(
        labelcycle(*stage, before=FILES_OF_100_BYTES), 2, f"Cannot write {root}/cycles/0", "File too large. Free"
    )
    assert labelcycle(*stage).returncode == 0
    run_until_done(request(root, bed.embeddings, cycles=1))
    assert losses(root, bed.reference) == []


def test_a_process_whose_s3_is_overloaded(proxy: FaultyS3, s3_root: str) -> None:
    proxy.plan = Scripted({operation: [Fault.ERROR_503] * 100 for operation in POSSIBLE})
    told = labelcycle("status", s3_root, before=WITHOUT_PAUSES)
    assert_told(told, 2, f"S3 failed on {s3_root}/campaign.json (SlowDown)", "Run the same command again")
    assert proxy.injected.total() == 5


def test_a_process_whose_clock_s3_does_not_believe(proxy: FaultyS3, s3_root: str) -> None:
    proxy.plan = Scripted({operation: [Fault.WRONG_CLOCK] * 100 for operation in POSSIBLE})
    told = labelcycle("status", s3_root)
    assert_told(told, 1, f"S3 refused {s3_root}/campaign.json (RequestTimeTooSkewed)", "Set this machine's clock")
