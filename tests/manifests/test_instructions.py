"""The instructions name only what exists: commands, flags, overlays and files; and their shell is shell."""

import json
import re
import shlex
import subprocess

import pytest
import typer

from labelcycle.pipelines.cli.main import app
from tests.manifests.kustomizations import MANIFESTS

README = MANIFESTS / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
CALLS = [
    shlex.split(line, comments=True)
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("labelcycle ")
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.splitlines()[0][:40]))
def test_shell_is_shell(block: str) -> None:
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", CALLS, ids=lambda words: " ".join(words[:3]))
def test_command_and_its_flags_exist(words: list[str]) -> None:
    command = typer.main.get_group(app).commands[words[1]]
    flags = {flag for option in command.params for flag in option.opts}
    assert {word for word in words if word.startswith("--")} - flags == set()


def test_every_command_that_a_cluster_needs_is_shown() -> None:
    assert {words[1] for words in CALLS} == {"argo", "doctor", "init", "manifests", "submit"}


def test_links_and_overlays_are_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    applied = re.findall(r"kubectl apply -[kf] manifests/(\S+)", TEXT)
    assert len(links) > 10 and len(applied) >= 4
    assert [path for path in links + applied if not (MANIFESTS / path).exists()] == []


def test_identities_of_the_object_store_are_those_that_are_used() -> None:
    match = re.search(r"^\{\"identities\".*?^\]\}$", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None
    identities = {given["name"]: given for given in json.loads(match[0])["identities"]}
    for name, bucket in (("labelcycle", "labelcycle"), ("mlflow", "labelcycle-mlflow")):
        assert identities[name]["actions"] == [f"{verb}:{bucket}" for verb in ("Read", "Write", "List")]
    assert "Admin" in identities["administrator"]["actions"]
