"""What comes of a cycle on this machine: what its stages did, or how it failed."""

from dataclasses import dataclass, field
from pathlib import Path

from labelcycle.components.core.errors import LabelcycleError, TransientError

LOG_TAIL = 30
"""Lines of the last output that a message has."""


class StageError(LabelcycleError):
    """A stage refused its work or broke off; the exit code is the stage's own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class CycleRun:
    """What one run of the cycle did.

    Attributes:
        facts: what each stage reported, by stage.
        seconds: time of each stage's own work.
        notices: what the user was told.
    """

    facts: dict[str, dict[str, object]]
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def decision(self) -> str:
        """What label_ingest decided: cold_start, train, wait or done."""
        return str(self.facts["label_ingest"]["decision"])


def died_without_a_word(how: str, log: Path) -> TransientError:
    """The error for a process that is gone, and has told no error.

    Args:
        how: it ended, as far as that is known.
        log: the file of its output.
    """
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
    return TransientError(
        f"A stage died without reporting an error ({how}). Its last output:\n{tail}\n"
        "Nothing committed is lost. Run the same command again."
    )
