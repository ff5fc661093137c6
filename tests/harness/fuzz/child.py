"""One process that fuzzes one target by coverage, until it has read as many inputs as it should.

An input that breaks the rule is kept and counted, and the process goes on. One that ends the process (a fault in native
code, or more seconds than allowed) is left where the parent finds it.
"""

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["labelcycle"]):
    from tests.harness.fuzz.catalogue import TARGETS

from tests.harness.fuzz.limits import memory_limit
from tests.harness.fuzz.mutation import mutated
from tests.harness.fuzz.tally import Tally

SAVED_EVERY = 500
LONGEST_INPUT = 300_000


def main() -> None:
    """Fuzz as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--executions", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True, help="that one input may take")
    parser.add_argument("--folder", type=Path, required=True, help="for the corpus, counts and the last input")
    parser.add_argument("--crashes", type=Path, required=True)
    settings = parser.parse_args()
    target, tally_path = TARGETS[settings.target], settings.folder / "tally.json"
    tally = Tally.load(tally_path)
    last = settings.folder / "last"

    def read(data: bytes) -> None:
        last.write_bytes(data)
        with contextlib.redirect_stderr(io.StringIO()):
            tally.read(target, data, settings.crashes)
        if tally.executions % SAVED_EVERY == 0 or tally.executions >= settings.executions:
            tally.save(tally_path)
        if tally.executions >= settings.executions:
            last.unlink()
            os._exit(0)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Half of the mutations are those of libFuzzer, half know the format."""
        random = Random(seed)
        if random.randrange(2):
            return bytes(atheris.Mutate(data, most))
        return mutated(target, data if random.randrange(2) else random.choice(target.seeds), random)[:most]

    corpus = settings.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-seed={settings.seed}",
        f"-timeout={settings.seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-artifact_prefix={settings.folder}/",
        "-rss_limit_mb=0",
        "-verbosity=0",
        "-print_final_stats=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], read, custom_mutator=mutate)
    with memory_limit(target.megabytes):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
