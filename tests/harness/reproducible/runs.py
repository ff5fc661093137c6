"""Campaigns run by processes of their own, each process under its own circumstances."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.chaos.s3_server import new_bucket
from tests.harness.reproducible.circumstances import Circumstances
from tests.harness.reproducible.data import Data, Sizes, make_data
from tests.harness.reproducible.outcome import Outcome

REPOSITORY = Path(__file__).parents[3]
SECONDS = 3600


@dataclass(frozen=True)
class Bench:
    """A scratch folder with data in both orders.

    Both orders are read from the same path, because where an image is, is part of a campaign.
    """

    scratch: Path

    @property
    def data(self) -> Data:
        return Data(self.scratch / "data")

    def prepare(self, sizes: Sizes, texts: bool = True) -> None:
        """Write the data."""
        make_data(self.scratch / "in-order", sizes, texts=texts)
        make_data(self.scratch / "shuffled", sizes, shuffled=True, texts=texts)

    def run(
        self, one: Circumstances, courses: Sequence[str], s3: dict[str, str] | None = None, reports: bool = True
    ) -> "Ran":
        """Run the courses, one after another, in a process under these circumstances.

        Raises:
            RuntimeError: a campaign failed; the log is in the message.
        """
        with self._data_in(one.shuffled), tempfile.TemporaryDirectory(dir=self.scratch) as temporary:
            folder = self.scratch / one.name.replace(" ", "-").replace(",", "")
            folder.mkdir()
            roots = str(folder)
            if one.store == "s3":
                assert s3 is not None
                new_bucket(s3, "reproducible")
                roots = "s3://reproducible"
            order = folder / "order.json"
            order.write_text(
                json.dumps(
                    {
                        "courses": list(courses),
                        "roots": roots,
                        "data": str(self.data.folder),
                        "shards": one.shards,
                        "threads": one.threads,
                        "cores": one.cores,
                        "reports": reports,
                    }
                )
            )
            process = subprocess.run(
                [sys.executable, "-m", "tests.harness.reproducible.worker", str(order)],
                env={**one.variables(), **(s3 or {}), "TMPDIR": temporary, "PYTHONPATH": _import_path()},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        if process.returncode != 0:
            raise RuntimeError(f"under {one.name!r}:\n{process.stdout[-1000:]}\n{process.stderr[-4000:]}")
        lines = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
        seconds = {line["course"]: line["seconds"] for line in lines if "course" in line}
        return Ran(one, roots, tuple(courses), lines[0]["threads"], seconds)

    @contextmanager
    def _data_in(self, shuffled: bool) -> Iterator[None]:
        source = self.scratch / ("shuffled" if shuffled else "in-order")
        source.rename(self.data.folder)
        try:
            yield
        finally:
            self.data.folder.rename(source)


def _import_path() -> str:
    """This process's, and before it the repository, whose tests the worker is one of."""
    return os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))


@dataclass(frozen=True)
class Ran:
    """The campaigns of one process.

    Attributes:
        circumstances: they were run under.
        roots: the folder or bucket that they lie in.
        courses: their names, in the order of their roots.
        threads: that each numerical library had.
        seconds: each campaign's.
    """

    circumstances: Circumstances
    roots: str
    courses: tuple[str, ...]
    threads: dict[str, int]
    seconds: dict[str, float]

    def outcome(self, name: str) -> Outcome:
        """The campaign of that course."""
        return Outcome(f"{self.roots}/{self.courses.index(name)}")
