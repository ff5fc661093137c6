"""One trial: a campaign that is killed a few times, gone on with, and compared with an undisturbed one."""

import json
import random
import shutil
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.chaos import operator, people
from tests.harness.chaos.crash_points import CrashPoint, Writes
from tests.harness.chaos.data import Data
from tests.harness.chaos.examine import differing, examine
from tests.harness.chaos.forking import Ended, answer_of, fork, wait
from tests.harness.chaos.kill_plans import KillPlan, draw_plan
from tests.harness.chaos.s3_server import forget_everything, new_bucket
from tests.harness.chaos.workloads import Workload

MOST_STARTS = 60
"""A campaign that is not at its end after so many starts is lost."""


@dataclass(frozen=True)
class Bench:
    """Where trials happen: the data, a scratch folder, and the settings of the S3 server, if there is one."""

    data: Data
    scratch: Path
    s3: dict[str, str]

    def place(self, store: str) -> "Place":
        """A fresh place for a campaign."""
        folder = self.scratch / f"place-{uuid.uuid4().hex[:12]}"
        folder.mkdir(parents=True)
        if store == "folder":
            return Place(self, folder, str(folder / "campaign"))
        new_bucket(self.s3, folder.name)
        return Place(self, folder, f"s3://{folder.name}/campaign")


@dataclass(frozen=True)
class Place:
    """Where one campaign is, and a folder for all else that its processes write."""

    bench: Bench
    folder: Path
    root: str

    @property
    def on_s3(self) -> bool:
        return self.root.startswith("s3://")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.bench.s3,
            "TMPDIR": str(self.folder),
            "LABELCYCLE_EVENTS": str(self.folder / "events.jsonl"),
            "LABELCYCLE_CHECKPOINT_SECONDS": "0",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

    def run(self, workload: Workload, plan: KillPlan) -> Ended:
        """Go on with the campaign in a process that is killed by the plan."""
        (self.folder / "writes.jsonl").unlink(missing_ok=True)
        (self.folder / "events.jsonl").unlink(missing_ok=True)
        for folder in self.folder.glob("labelcycle-*"):  # where a killed command had its events
            shutil.rmtree(folder, ignore_errors=True)

        def work() -> int:
            Writes(self.folder / "writes.jsonl", plan.point).watch()
            return operator.carry_on(self.root, workload, self.bench.data)

        began = time.monotonic()
        return wait(fork(work, self.folder, self.environment), began, plan.after)

    def ask(self, work: Callable[[], Any]) -> Any:
        """What `work` returns, done in a process of its own."""
        return answer_of(work, self.folder, self.environment)

    def examine(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(lambda: examine(self.root))
        return found

    def label(self) -> None:
        """Let people label for a while."""
        self.ask(lambda: people.label(self.root))

    def stage(self) -> str:
        """The stage that the last process was in, by what it told."""
        files = [self.folder / "events.jsonl", *self.folder.glob("labelcycle-*/events.jsonl")]
        files = sorted((path for path in files if path.exists()), key=lambda path: path.stat().st_mtime_ns)
        events = [event for path in files for event in lines(path)]
        told = [event for event in events if event["event"] in ("started", "finished")]
        if not told:
            return "start"
        return str(told[-1]["stage"]) if told[-1]["event"] == "started" else f"after {told[-1]['stage']}"

    def writes(self) -> list[str]:
        """The keys that the last process wrote, in order."""
        return [line["key"] for line in lines(self.folder / "writes.jsonl")]

    def log(self) -> str:
        """What its processes have printed."""
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self) -> None:
        """Take everything away."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.on_s3:
            forget_everything(self.bench.s3)


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON lines; the last may have been cut off by a kill."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


@dataclass(frozen=True)
class Reference:
    """What an undisturbed campaign ends with, the seconds of its longest run, and the keys that its runs wrote."""

    found: dict[str, Any]
    seconds: float
    writes: list[list[str]]

    @property
    def most_writes(self) -> int:
        """Of one run."""
        return max(map(len, self.writes), default=0)


@dataclass
class Outcome:
    """What a trial came to.

    Attributes:
        store: folder or s3.
        workload: its name.
        seed: its own.
        killed_in: the stage of each kill.
        plans: of each kill.
        resumes: processes that were started on what a kill had left.
        problems: why the campaign is lost; empty where it is not.
        differing: keys whose bytes are not those of the reference.
        missed: crash points that it was to be killed at and did not come to.
        seconds: that it took.
    """

    store: str
    workload: str
    seed: str
    killed_in: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    resumes: int = 0
    problems: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lost(self) -> bool:
        return bool(self.problems or self.differing)


def undisturbed(bench: Bench, store: str, workload: Workload) -> Reference:
    """A campaign that nothing disturbs.

    Raises:
        RuntimeError: it fails; trials would say nothing then.
    """
    place = bench.place(store)
    seconds, writes = 0.0, []
    for _ in range(MOST_STARTS):
        ended = place.run(workload, KillPlan())
        seconds = max(seconds, ended.seconds)
        writes.append(place.writes())
        if ended.code != operator.WAITING or not workload.people:
            break
        place.label()
    found = place.examine() if ended.code == operator.DONE else {"problems": [f"exit code {ended.code}"]}
    if found["problems"]:
        raise RuntimeError(f"{workload.name} on {store} fails undisturbed: {found['problems']}\n{place.log()[-4000:]}")
    place.remove()
    return Reference(found, seconds, writes)


def random_trial(bench: Bench, store: str, workload: Workload, reference: Reference, seed: str) -> Outcome:
    """Kill a campaign up to six times at moments drawn by the seed."""
    generator = random.Random(seed)
    most = generator.randint(1, 6)
    on_s3 = store == "s3"

    def plan(kills: int) -> KillPlan:
        if kills >= most:
            return KillPlan()
        return draw_plan(generator, reference.seconds, reference.most_writes, on_s3, workload.by_command)

    return trial(bench, store, workload, reference, plan, seed)


def planned_trial(
    bench: Bench, store: str, workload: Workload, reference: Reference, points: list[CrashPoint], seed: str
) -> Outcome:
    """Kill a campaign at each of these points, which come in this order."""

    def plan(kills: int) -> KillPlan:
        return KillPlan(point=points[kills]) if kills < len(points) else KillPlan()

    outcome = trial(bench, store, workload, reference, plan, seed)
    outcome.missed = [str(point) for point in points[len(outcome.plans) :]]
    return outcome


def trial(
    bench: Bench, store: str, workload: Workload, reference: Reference, plan: Callable[[int], KillPlan], seed: str
) -> Outcome:
    """Run a campaign to its end, with processes killed by plan; `plan` is called with the number of kills so far."""
    outcome, began = Outcome(store, workload.name, seed), time.monotonic()
    place = bench.place(store)
    code, after_kill = None, False
    for _ in range(MOST_STARTS):
        planned = plan(len(outcome.plans))
        ended = place.run(workload, planned)
        outcome.resumes += after_kill
        after_kill = ended.killed
        code = ended.code
        if ended.killed:
            outcome.killed_in.append(place.stage())
            outcome.plans.append(str(planned))
        elif code == operator.WAITING and workload.people:
            place.label()
        else:
            break
    if code == operator.DONE:
        try:
            found = place.examine()
            outcome.problems, outcome.differing = found["problems"], differing(found, reference.found)
        except RuntimeError as error:
            outcome.problems = [f"the campaign cannot be read: {error}"]
    else:
        what = "did not end in time" if code == -signal.SIGABRT else f"ended with {code}"
        outcome.problems = [f"the last run {what}: {place.log()[-2000:]}"]
    if not outcome.lost:
        place.remove()
    outcome.seconds = time.monotonic() - began
    return outcome
