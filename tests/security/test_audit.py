"""An audit is green only if every package was looked up."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.security.audit import CLEAN, UNKNOWN, VULNERABLE, main

SOUND = {"name": "one", "version": "1", "vulns": []}
BAD = {"name": "two", "version": "2", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "three", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def auditor(answer: str, code: int = 0, complaint: str = "") -> list[str]:
    """A command that answers as pip-audit would."""
    program = f"import sys; print({answer!r}); print({complaint!r}, file=sys.stderr); sys.exit({code})"
    return [sys.executable, "-c", program]


def answered(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (auditor(answered(SOUND)), CLEAN, "1 packages looked up, 0 known"),
        (auditor(answered(SOUND, BAD), 1), VULNERABLE, "two 2: CVE-2026-1, mended in 3"),
        (auditor(answered(SOUND, SKIPPED)), UNKNOWN, "not audited: three: Dependency not found"),
        (auditor(answered(BAD, SKIPPED), 1), VULNERABLE, "not audited: three"),
        (auditor("", 1, "ConnectionError: no route"), UNKNOWN, "all of them: ConnectionError: no route"),
        (auditor(answered()), UNKNOWN, "This is no clean audit"),
        (auditor("[]"), UNKNOWN, "This is no clean audit"),
    ],
)
def test_what_an_audit_ends_with(
    command: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "requirements.lock")], command) == code
    assert says in capsys.readouterr().out


def test_an_audit_of_nothing_is_not_clean() -> None:
    assert main([]) == UNKNOWN
