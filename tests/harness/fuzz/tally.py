"""What came of fuzzing one target: counts that one process adds up and another reads."""

import json
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.harness.fuzz.crash_files import keep
from tests.harness.fuzz.limits import peak_memory
from tests.harness.fuzz.target import Target


@dataclass
class Tally:
    """Counts of one target.

    Attributes:
        executions: inputs that were read.
        accepted: of them, those that were no refused.
        seconds: that reading took.
        crashes: the file of an input, by where and how the rule was broken.
        slowest: seconds of the slowest input.
        slowest_bytes: its size.
        peak_memory: the largest resident memory of the process, in bytes.
    """

    executions: int = 0
    accepted: int = 0
    seconds: float = 0.0
    crashes: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    slowest_bytes: int = 0
    peak_memory: int = 0

    def read(self, target: Target, data: bytes, crashes: Path) -> None:
        """Read one input and count what came of it; an input that breaks the rule in a new way is kept."""
        begun = time.perf_counter()
        try:
            self.accepted += target.check(data)
        except Exception as error:
            place = _place(error)
            if place not in self.crashes:
                self.crashes[place] = str(keep(crashes, target.name, data))
        seconds = time.perf_counter() - begun
        self.executions += 1
        self.seconds += seconds
        if seconds > self.slowest:
            self.slowest, self.slowest_bytes = seconds, len(data)

    def save(self, path: Path) -> None:
        """Write the counts to a file."""
        self.peak_memory = max(self.peak_memory, peak_memory())
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tally":
        """The counts in a file; none where it is not there."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()


def _place(error: Exception) -> str:
    """The kind of an error and the last line of the project's own code on its way."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/components/" in frame.filename or "/pipelines/" in frame.filename] or frames
    return f"{type(error).__name__} at {'/'.join(Path(own[-1].filename).parts[-3:])}:{own[-1].lineno}"
