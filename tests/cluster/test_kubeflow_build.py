"""Where Kubeflow Pipelines is built from; this needs no cluster."""

import subprocess
from pathlib import Path

import pytest

from tests.cluster import kubeflow_build


def test_another_commit_under_the_tag_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = tmp_path / "origin"
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for words in (["init", "--quiet", str(origin)], ["commit", "--quiet", "--allow-empty", "--message=first"]):
        place = [] if words[0] == "init" else ["-C", str(origin), *identity]
        subprocess.run(["git", *place, *words], check=True)
    subprocess.run(["git", "-C", str(origin), "tag", kubeflow_build.TAG], check=True)
    monkeypatch.setenv(kubeflow_build.VARIABLE, origin.as_uri())
    with pytest.raises(AssertionError, match=f"not {kubeflow_build.COMMIT}"):
        kubeflow_build.clone(tmp_path / "clone")
    monkeypatch.setenv(kubeflow_build.VARIABLE, (tmp_path / "nowhere").as_uri())
    with pytest.raises(AssertionError, match=f"{kubeflow_build.VARIABLE} names another place"):
        kubeflow_build.clone(tmp_path / "clone")
