"""What the command prints, for machines and for people, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from labelcycle.pipelines.doctor.check_result import Check, CheckResult, Diagnosis, failed, passed, softened, warned
from labelcycle.pipelines.doctor.examine import examine
from labelcycle.pipelines.doctor.question import Question
from tests.harness.loaded_modules import loaded_by
from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.kubernetes_server import Cluster

AREAS = ["machine", "store", "mlflow", "cluster", "rights", "pods", "nodes", "argo", "kubeflow"]
FINDING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["area", "check", "status", "seen", "remedy", "may_pass"],
    "properties": {
        "area": {"enum": AREAS},
        "check": {"type": "string", "minLength": 1},
        "status": {"enum": ["pass", "warn", "fail"]},
        "seen": {"type": "string", "minLength": 1},
        "remedy": {"type": "string"},
        "may_pass": {"type": "boolean"},
    },
    "if": {"properties": {"status": {"const": "pass"}}},
    "then": {"properties": {"remedy": {"const": ""}, "may_pass": {"const": False}}},
    "else": {"properties": {"remedy": {"minLength": 1}}},
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["engine", "root", "passed", "warned", "failed", "findings"],
    "properties": {
        "engine": {"enum": ["local", "argo", "kfp"]},
        "root": {"type": "string"},
        **{name: {"type": "integer", "minimum": 0} for name in ("passed", "warned", "failed")},
        "findings": {"type": "array", "items": FINDING, "minItems": 1},
    },
}


def test_the_json(doctor: Doctor, cluster: Cluster, tmp_path: Path) -> None:
    cluster.denied.add("create workflows")
    cluster.forbidden.add("/api/v1/nodes")
    for arguments in (["root"], ["--engine", "argo"], ["--engine", "kfp"], ["s3://", "--engine", "argo"]):
        facts = doctor(*arguments).facts
        jsonschema.validate(facts, SCHEMA)
        statuses = [finding["status"] for finding in facts["findings"]]
        counts = {
            name: statuses.count(status)
            for name, status in (("passed", "pass"), ("warned", "warn"), ("failed", "fail"))
        }
        assert {name: facts[name] for name in counts} == counts


def test_lines_for_people(doctor: Doctor, cluster: Cluster) -> None:
    cluster.denied.add("create workflows")
    report = doctor("--engine", "argo", as_json=False)
    lines = report.out.splitlines()
    assert report.code == 1
    assert lines[-1] == "23 pass, 1 warn, 1 fail"
    number = next(
        number for number, line in enumerate(lines) if line.startswith("  fail  to submit: for `argo submit` you lack")
    )
    assert lines[number + 1].startswith("        Ask whoever runs the cluster")
    assert [line for line in lines if line in AREAS] == ["store", "cluster", "rights", "pods", "nodes", "argo"]


def test_what_is_under_way_is_told(tmp_path: Path) -> None:
    begun: list[str] = []
    told: list[str] = []
    diagnosis = examine(
        Question(root=str(tmp_path / "root")),
        begun.append,
        lambda area, finding: told.append(f"{area}: {finding.check}"),
    )
    assert begun[:2] == ["machine: python", "machine: packages"] and "store: conditional writes" in begun
    assert told == [f"{area}: {finding.check}" for area, finding in diagnosis.findings]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([passed("one", "well"), warned("two", "so", "do")], 0),
        ([failed("one", "bad", "do")], 1),
        ([failed("one", "away", "wait", may_pass=True)], 2),
        ([failed("one", "away", "wait", may_pass=True), failed("two", "bad", "do")], 1),
    ],
)
def test_exit_codes(findings: list[CheckResult], code: int) -> None:
    assert Diagnosis("local", "", [("store", finding) for finding in findings]).exit_code == code


def test_a_check_never_ends_the_others() -> None:
    def look() -> Any:
        yield passed("before", "well")
        raise ZeroDivisionError("division by zero")

    before, after = Check("store", "what goes wrong", look).findings()
    assert before.status == "pass"
    assert (after.check, after.status) == ("what goes wrong", "warn")
    assert "ZeroDivisionError: division by zero" in after.seen


def test_a_line_has_no_secret_and_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-this-test")
    finding = warned("one", "a-secret-of-this-test \x1b[2J", "use a-secret-of-this-test")
    assert "a-secret" not in finding.seen + finding.remedy and "\x1b" not in finding.seen


def test_softened_is_no_failure() -> None:
    assert [each.status for each in softened([passed("a", "b"), failed("c", "d", "e", may_pass=True)])] == [
        "pass",
        "warn",
    ]


def test_wrong_words_end_with_one(doctor: Doctor) -> None:
    assert doctor("--engine", "airflow").code == 1
    report = doctor("--profile", "none-of-this-name")
    assert report.code == 1 and "none-of-this-name" in report.err


def test_help_and_the_local_engine_load_no_cluster() -> None:
    assert not {"kubernetes", "kfp", "hera", "boto3", "torch", "mlflow"} & loaded_by("doctor", "--help")
    assert not {"kubernetes", "kfp", "hera"} & loaded_by("doctor")


def test_the_installed_command(labelcycle: Callable[..., Any], cluster: Cluster) -> None:
    answer = labelcycle("doctor", "--engine", "argo", "--json")
    assert answer.returncode == 0, answer.stderr
    jsonschema.validate(json.loads(answer.stdout), SCHEMA)
    assert labelcycle("doctor", "--engine", "argo", KUBECONFIG="/nowhere/at/all").returncode == 1
