"""Known vulnerabilities of locked packages, by pip-audit; `make audit`.

pip-audit ends with 0 where it found nothing, and also where its data does not know a package or could not be asked for
it. Here that has an exit code of its own, so that an audit is never green by silence:

    0  every package was looked up, and none has a known vulnerability
    1  at least one has; each is named with the version that mends it
    4  no answer for at least one package; nothing is known about it

It is run by the Python that has pip-audit: `.venv-audit/bin/python tests/security/audit.py requirements.lock`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 4
SECONDS = 1800
PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]


@dataclass
class Findings:
    """What is known of the packages of one lock."""

    looked_up: int = 0
    vulnerable: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        if self.vulnerable:
            return VULNERABLE
        return UNKNOWN if self.unknown or not self.looked_up else CLEAN


def audit(lock: Path, command: Sequence[str] = PIP_AUDIT) -> Findings:
    """Ask pip-audit about every package of a lock."""
    answer = subprocess.run(
        [*command, "--format", "json", "--requirement", str(lock)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.returncode} and no word"]
        return Findings(unknown=[f"all of them: {last[0][:300]}"])
    return judged(packages)


def judged(packages: list[dict[str, Any]]) -> Findings:
    """What pip-audit's answer means."""
    findings = Findings()
    for package in packages:
        if "vulns" not in package:
            findings.unknown.append(f"{package['name']}: {package.get('skip_reason', 'no answer')}")
            continue
        findings.looked_up += 1
        for known in package["vulns"]:
            mended = ", ".join(known.get("fix_versions", [])) or "no version"
            findings.vulnerable.append(f"{package['name']} {package['version']}: {known['id']}, mended in {mended}")
    return findings


def main(locks: Sequence[str], command: Sequence[str] = PIP_AUDIT) -> int:
    """Audit each lock and print what was found; returns the exit code, that of vulnerabilities before all others."""
    codes = set()
    for lock in locks:
        findings = audit(Path(lock), command)
        codes.add(findings.code)
        print(
            f"{lock}: {findings.looked_up} packages looked up, {len(findings.vulnerable)} known vulnerabilities, "
            f"{len(findings.unknown)} not answered"
        )
        for line in findings.vulnerable:
            print(f"  vulnerable: {line}")
        for line in findings.unknown[:5]:
            print(f"  not audited: {line}")
        if len(findings.unknown) > 5:
            print(f"  not audited: and {len(findings.unknown) - 5} more")
    if VULNERABLE in codes:
        return VULNERABLE
    if UNKNOWN in codes or not codes:
        print(f"This is no clean audit: run it where pip-audit reaches its data (exit code {UNKNOWN}).")
        return UNKNOWN
    return CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
