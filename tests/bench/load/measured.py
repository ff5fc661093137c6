"""One step: a process of its own, and what it took."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load.s3_server import requests_so_far

CLI = "labelcycle.pipelines.cli.main"
PARTS = "tests.bench.load.parts"


@dataclass(frozen=True)
class Step:
    """What one process took.

    Attributes:
        name: what it did.
        store: `folder` or `s3`.
        seconds: on the clock, starting Python and importing among them.
        processor: seconds of processor cores.
        memory: peak, in MiB.
        requests: to S3; None with a folder.
    """

    name: str
    store: str
    seconds: float
    processor: float
    memory: float
    requests: int | None


@dataclass
class Bench:
    """Runs steps of one store one after another and keeps what they took.

    Attributes:
        store: `folder` or `s3`.
        place: the folder, or `s3://bucket`, below which everything is.
        scratch: a folder of this machine.
        s3: AWS settings; empty with a folder.
        steps: what was measured is added here.
        variables: further ones of the environment.
    """

    store: str
    place: str
    scratch: Path
    s3: dict[str, str]
    steps: list[Step]
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, name: str, *arguments: str, exit_codes: tuple[int, ...] = (0,)) -> str:
        """Measure `labelcycle <arguments>`. Returns its output."""
        return self._run(name, [CLI, *arguments], exit_codes)

    def part(self, name: str, *arguments: str) -> str:
        """Measure a part of the product that has no command, or none for itself."""
        return self._run(name, [PARTS, *arguments], (0,))

    def stage(self, name: str, shown: str, *arguments: str) -> dict[str, Any]:
        """Measure a stage. Returns its facts."""
        facts: dict[str, Any] = json.loads(self.command(shown, "stage", name, *arguments))
        return facts

    def prepare(self, *arguments: str) -> str:
        """Run a part without measuring it."""
        finished = subprocess.run(
            [sys.executable, "-m", PARTS, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return finished.stdout

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.s3, **self.variables}

    def _run(self, name: str, module: list[str], exit_codes: tuple[int, ...]) -> str:
        """A process that this one starts begins with this one's memory, so this one imports nothing large."""
        before = requests_so_far(self.s3) if self.s3 else None
        with tempfile.TemporaryFile("w+") as output:
            began = time.perf_counter()
            process = subprocess.Popen([sys.executable, "-m", *module], env=self._environment, stdout=output)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
        if process.returncode not in exit_codes:
            raise SystemExit(f"{name} failed with {process.returncode}: {text}")
        requests = requests_so_far(self.s3) - before if before is not None else None
        processor = usage.ru_utime + usage.ru_stime
        self.steps.append(Step(name, self.store, seconds, processor, usage.ru_maxrss / 1024, requests))
        print(f"{self.store}, {name}: {seconds:.1f} s", file=sys.stderr, flush=True)
        return text


def as_table(steps: list[Step]) -> str:
    """The steps as a Markdown table, in their order."""
    lines = ["| step | store | seconds | processor seconds | peak memory, MiB | requests to S3 |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: |")
    for step in steps:
        requests = "" if step.requests is None else f"{step.requests:,}"
        figures = f"{step.seconds:.1f} | {step.processor:.1f} | {step.memory:,.0f} | {requests}"
        lines.append(f"| {step.name} | {step.store} | {figures} |")
    return "\n".join(lines)


def as_json(steps: list[Step], facts: dict[str, Any]) -> str:
    """Steps and other facts for machines."""
    return json.dumps({"steps": [asdict(step) for step in steps], **facts}, indent=2)
