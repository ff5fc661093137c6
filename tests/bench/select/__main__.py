"""`python -m tests.bench.select`: measure, and print tables in which every figure is of this one run."""

import argparse
from pathlib import Path

from labelcycle.components.select import STRATEGIES
from tests.bench.select import against_peers, large
from tests.bench.select.options import Options

PARTS = ("peers", "million", "growth", "limit")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.select", description=__doc__)
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all", help="what to measure")
    parser.add_argument("--strategies", default="", help="only these, separated by commas")
    parser.add_argument("--rows", type=int, default=0, help="samples of the pool, to try with few")
    parser.add_argument("--cores", type=int, default=2, help="for all parts but peers, which has one")
    parser.add_argument("--limit", type=float, default=1800, help="seconds until a measurement is given up")
    parser.add_argument("--scratch", type=Path, help="folder for pools; 1 GB for a million samples")
    parser.add_argument("--json", type=Path, help="file to append measurements to, a line of JSON each")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    given = parser.parse_args()
    strategies = tuple(filter(None, given.strategies.split(",")))
    if unknown := sorted(set(strategies) - set(STRATEGIES)):
        parser.error(f"There is no strategy {', '.join(unknown)}. Choose from: {', '.join(sorted(STRATEGIES))}.")
    options = Options(
        strategies=strategies,
        rows=given.rows,
        cores=given.cores,
        limit=given.limit,
        scratch=given.scratch,
        json=given.json,
        markdown=given.markdown,
    )
    parts = PARTS if given.part == "all" else (given.part,)
    if "peers" in parts:
        against_peers.compare(options)
    if set(parts) & {"million", "growth", "limit"}:
        large.measure_large(options, parts)


if __name__ == "__main__":
    main()
