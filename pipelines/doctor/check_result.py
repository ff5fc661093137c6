"""What a check has found: whether a campaign can run so, what was seen, and what to do about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from labelcycle.components.core.errors import LabelcycleError, TransientError, printable
from labelcycle.components.core.logging.events import without_secrets
from labelcycle.components.core.logging.failures import GIVE_UP, TRY_AGAIN

Status = Literal["pass", "warn", "fail"]
"""`fail`: a campaign cannot run so. `warn`: it can, but not with everything, or it could not be found out."""

Area = Literal["machine", "store", "mlflow", "cluster", "rights", "pods", "nodes", "argo", "kubeflow"]
"""What a check looks at, and the heading of its lines."""


@dataclass(frozen=True)
class CheckResult:
    """One line of the report. No text of it holds a secret.

    Attributes:
        check: what was looked at, such as `conditional writes`.
        status: how it is.
        seen: what was found, in words.
        remedy: what to do; empty where nothing is to be done.
        may_pass: of a `fail`, whether it may pass by itself, as where a service does not answer.
    """

    check: str
    status: Status
    seen: str
    remedy: str = ""
    may_pass: bool = False

    def __post_init__(self) -> None:
        for name in ("seen", "remedy"):
            object.__setattr__(self, name, printable(without_secrets(getattr(self, name))))


def passed(check: str, seen: str) -> CheckResult:
    """All is well."""
    return CheckResult(check, "pass", seen)


def warned(check: str, seen: str, remedy: str) -> CheckResult:
    """A campaign can run, but not with everything, or it could not be found out."""
    return CheckResult(check, "warn", seen, remedy)


def failed(check: str, seen: str, remedy: str, may_pass: bool = False) -> CheckResult:
    """A campaign cannot run so."""
    return CheckResult(check, "fail", seen, remedy, may_pass)


def failed_by(check: str, error: LabelcycleError) -> CheckResult:
    """What an error of labelcycle's own says: its first sentence is what was seen, the others what to do."""
    seen, remedy = sentences_of(str(error))
    return failed(check, seen, remedy, may_pass=isinstance(error, TransientError))


def sentences_of(message: str) -> tuple[str, str]:
    """The first sentence of a message, without its full stop, and the rest."""
    seen, _, remedy = message.partition(". ")
    return seen.removesuffix("."), remedy or "Correct what is named."


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Attributes:
        area: the heading of its lines.
        name: for whoever waits, and for the line that says why it could not be found out.
        look: finds out.
    """

    area: Area
    name: str
    look: Callable[[], Iterable[CheckResult]]

    def findings(self) -> list[CheckResult]:
        """What was found. Whatever goes wrong while looking is a finding too, and ends this check alone."""
        found: list[CheckResult] = []
        try:
            for finding in self.look():
                found.append(finding)
        except LabelcycleError as error:
            seen, remedy = sentences_of(str(error))
            found.append(warned(self.name, f"could not be found out: {seen}", remedy))
        except Exception as error:  # a check never ends the others
            found.append(
                warned(
                    self.name,
                    f"could not be found out: {type(error).__name__}: {error}",
                    "Look at it by hand, and report this message as a fault of labelcycle.",
                )
            )
        return found


@dataclass(frozen=True)
class Diagnosis:
    """All that was found, in the order of looking.

    Attributes:
        engine: local, argo or kfp.
        root: the campaign's root as it was given; empty for none.
        findings: with the area of each.
    """

    engine: str
    root: str
    findings: list[tuple[Area, CheckResult]] = field(default_factory=list)

    def count(self, status: Status) -> int:
        """How many lines have this status."""
        return sum(finding.status == status for _, finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 where nothing fails, 2 where only such things do as may pass by themselves, else 1."""
        fails = [finding for _, finding in self.findings if finding.status == "fail"]
        if not fails:
            return 0
        return TRY_AGAIN if all(finding.may_pass for finding in fails) else GIVE_UP

    def facts(self) -> dict[str, object]:
        """The report as plain values, for machines."""
        return {
            "engine": self.engine,
            "root": self.root,
            "passed": self.count("pass"),
            "warned": self.count("warn"),
            "failed": self.count("fail"),
            "findings": [
                {
                    "area": area,
                    "check": finding.check,
                    "status": finding.status,
                    "seen": finding.seen,
                    "remedy": finding.remedy,
                    "may_pass": finding.may_pass,
                }
                for area, finding in self.findings
            ],
        }


def softened(findings: Iterable[CheckResult]) -> Iterable[CheckResult]:
    """The same findings, with what fails as a warning: for what a campaign can do without."""
    for finding in findings:
        yield replace(finding, status="warn", may_pass=False) if finding.status == "fail" else finding


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
