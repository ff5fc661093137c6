"""One row to be measured: what decides it, the digest that it is kept by, and as many rows as fit into some hours."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelcycle.components.core.campaign.algorithms import algorithms_of
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.digests import digest_of_json
from labelcycle.pipelines.recipes.catalogue import recipe_path


@dataclass(frozen=True)
class Job:
    """A row: an arm of a study with one seed.

    Attributes:
        study: whose table it is for, such as `vecaf`.
        arm: what the table calls it.
        seed: of everything that is drawn.
        kind: how it is measured: `selection` in memory on features, `campaign` on images.
        recipe: a name of `labelcycle recipes`.
        overrides: laid over the recipe, as with --set.
        more: whatever else decides the result, as plain values, the digest of the data among them.
        priority: rows of a smaller number are measured first among those of one seed.
    """

    study: str
    arm: str
    seed: int
    kind: str
    recipe: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0

    def whole_recipe(self) -> Recipe:
        """The recipe with what is laid over it."""
        return read_recipe(recipe_path(self.recipe), self.overrides)

    @property
    def digest(self) -> str:
        """Of all that decides the row: settings, data, seed, and the versions of the algorithms; not of its name."""
        recipe = self.whole_recipe()
        made_by = {
            f"{action} {role}": f"{algorithm.name} {algorithm.version}"
            for action in ("cold_start", "train")
            for role, algorithm in algorithms_of(recipe, action, True, {}).items()
        }
        settings = recipe.model_dump(mode="json", exclude={"name", "summary", "source", "cost"})
        decides = {"kind": self.kind, "recipe": settings, "more": dict(self.more), "seed": self.seed, "by": made_by}
        return digest_of_json(decides)[:16]


@dataclass(frozen=True)
class Row:
    """What was measured: figures by name, numbers or lists of numbers, and the processor seconds that it took."""

    digest: str
    figures: Mapping[str, Any]
    cpu_seconds: float
    wall_seconds: float
    kind: str


class Rows:
    """The rows of a JSONL file, by digest. A line that was cut off while it was written is passed over.

    Args:
        path: where rows are kept.
        beside: another such file, which is read alone; None for none.
    """

    def __init__(self, path: Path, beside: Path | None = None) -> None:
        self._path = path
        self._found: dict[str, Row] = {}
        files = [file for file in (beside, path) if file is not None and file.is_file()]
        for line in (line for file in files for line in file.read_text(encoding="utf-8").splitlines()):
            try:
                values = json.loads(line)
            except ValueError:
                continue
            self._found[values["digest"]] = Row(**{name: values[name] for name in Row.__dataclass_fields__})

    def get(self, job: Job) -> Row | None:
        """The row of a job; None where it was not measured yet."""
        return self._found.get(job.digest)

    def add(self, job: Job, row: Row) -> None:
        """Keep a row, with the name of its arm for people."""
        line = {"study": job.study, "arm": job.arm, "seed": job.seed, **vars(row)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as sink:
            if self._path.stat().st_size and not self._path.read_bytes().endswith(b"\n"):
                sink.write("\n")
            sink.write(json.dumps(line, sort_keys=True) + "\n")
        self._found[row.digest] = row

    def longest(self, kind: str) -> float:
        """Wall seconds of the longest row of a kind so far; 0 before the first."""
        return max((row.wall_seconds for row in self._found.values() if row.kind == kind), default=0.0)


def measure_within(
    hours: float,
    jobs: Iterable[Job],
    rows: Rows,
    measure: Callable[[Job], Mapping[str, Any]],
    now: Callable[[], float] = time.monotonic,
) -> list[Job]:
    """Measure what is missing until no further row is sure to fit: within a study all arms with seed 0 first.

    Studies take turns: the next row is of the one that has taken the least time, so that few hours too bring something
    of every table.

    Args:
        hours: no row is begun that may end later than so many from now, by the longest of its kind so far.
        jobs: all rows wanted; those that differ by name alone are measured once.
        rows: where they are kept.
        measure: a job → its figures. One that fails is told of, and the others go on.
        now: seconds of a clock.

    Returns:
        The jobs that are still missing.
    """
    end = now() + 3600 * hours
    missing: list[Job] = []
    waiting: dict[str, deque[Job]] = {}
    for job in sorted(jobs, key=lambda job: (job.seed, job.priority)):
        waiting.setdefault(job.study, deque()).append(job)
    taken = dict.fromkeys(waiting, 0.0)
    while waiting:
        study = min(waiting, key=lambda name: taken[name])
        job = waiting[study].popleft()
        if not waiting[study]:
            del waiting[study]
        if rows.get(job) is not None:
            continue
        begun = now()
        if begun + rows.longest(job.kind) > end or hours <= 0:
            missing.append(job)
            continue
        print(f"{job.study}: {job.arm}, seed {job.seed}", file=sys.stderr, flush=True)
        cpu = time.process_time()
        try:
            figures = dict(measure(job))
        except (Exception, SystemExit) as error:  # one row must not end a night of them
            print(f"{job.study}: {job.arm}, seed {job.seed} failed: {error}", file=sys.stderr, flush=True)
            missing.append(job)
            continue
        finally:
            taken[study] += now() - begun
        seconds = figures.pop("cpu_seconds", time.process_time() - cpu)
        rows.add(job, Row(job.digest, figures, seconds, now() - begun, job.kind))
    return missing


def rows_of(jobs: Sequence[Job], rows: Rows) -> dict[str, dict[int, Row]]:
    """The rows that are there, by arm and seed; an arm without any is there too."""
    found: dict[str, dict[int, Row]] = {job.arm: {} for job in jobs}
    for job in jobs:
        row = rows.get(job)
        if row is not None:
            found[job.arm][job.seed] = row
    return found
