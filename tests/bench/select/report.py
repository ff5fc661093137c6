"""Tables for people, on a terminal or as Markdown, and lines of JSON for programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.select.measure import MEBIBYTE, Measurement

MET, MISSED = "✓", "✗"


@dataclass
class Sheet:
    """A table that is filled row by row.

    Attributes:
        title: above it.
        headings: of the columns.
        rows: the cells.
        remarks: lines below it.
    """

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """One more row."""
        self.rows.append(cells)

    def show(self, markdown: bool) -> None:
        """Print it."""
        if markdown:
            lines = [f"**{self.title}**", "", _line(self.headings), _line(("---",) * len(self.headings))]
            print("\n".join([*lines, *map(_line, self.rows), "", *(f"{remark}\n" for remark in self.remarks)]))
            return
        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        for heading in self.headings:
            table.add_column(heading, justify="left" if heading in ("strategy", "peer", "target") else "right")
        for row in self.rows:
            table.add_row(*row)
        console = Console(width=160)
        console.print(table)
        for remark in self.remarks:
            console.print(remark, highlight=False)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def mark(met: bool) -> str:
    """A sign for a target that is met, or missed."""
    return MET if met else MISSED


def seconds(value: float) -> str:
    """Three digits, as far as they matter."""
    return f"{value:.2g}" if value < 0.01 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def mebibytes(value: int) -> str:
    """Bytes in MiB."""
    return f"{value / MEBIBYTE:.1f}" if value < 100 * MEBIBYTE else f"{value / MEBIBYTE:.0f}"


def write_line(file: Path | None, part: str, measured: Measurement) -> None:
    """Append a measurement to a file of JSON lines, without the picks."""
    if file is not None:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"part": part} | asdict(measured) | {"rows": len(measured.rows)}) + "\n")
