"""`labelcycle verify` and `labelcycle replay` on the command line: words, JSON and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cli.main import main
from tests.conftest import Bench

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function: arguments → exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["labelcycle", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def campaign(begin: Callable[..., Bench]) -> Bench:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    return campaign


def test_sound(campaign: Bench, command: Command) -> None:
    code, out, _ = command("verify", campaign.root)
    assert code == 0 and "2 cycles" in out and out.endswith("sound\n")
    code, out, _ = command("verify", campaign.root, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["sound"] and facts["findings"] == [] and facts["objects"]["commit"] == 2


def test_damaged(campaign: Bench, command: Command) -> None:
    key = read_commits(open_store(campaign.root))[1].objects["head"].key
    (Path(campaign.root) / key).write_bytes(b"rotten")
    code, out, _ = command("verify", campaign.root)
    assert code == 1 and "damaged" in out and out.endswith("1 faults\n")
    code, out, _ = command("verify", campaign.root, "--json")
    (finding,) = json.loads(out)["findings"]
    assert code == 1 and (finding["kind"], finding["place"]) == ("damaged", key)
    code, out, err = command("replay", campaign.root, "--cycle", "1")
    assert code == 1 and key in err and out == ""


def test_replay(campaign: Bench, command: Command) -> None:
    code, out, _ = command("replay", campaign.root, "--cycle", "1", "--shards", "2")
    assert code == 0 and out == "identical: cycle 1, entropy: 8 samples, every figure to the last bit\n"
    code, out, _ = command("replay", campaign.root, "--cycle", "1", "--json")
    assert code == 0 and json.loads(out)["agreement"] == "identical"


def test_wrong_use(campaign: Bench, command: Command, tmp_path: Path) -> None:
    assert "No campaign at" in command("verify", str(tmp_path / "nothing"))[2]
    code, _, err = command("replay", campaign.root, "--cycle", "7")
    assert code == 1 and "Cycle 7 of" in err and "labelcycle status" in err
    assert command("replay", campaign.root)[0] == 1
