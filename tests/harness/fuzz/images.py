"""Decode generated bad images: `python -m tests.harness.fuzz.images --count 10000`.

Each becomes an upright RGB image or is set aside with a reason. Whatever else happens is counted as lost, printed with
the number of the image, and makes the exit code 1. Memory is bounded by the limit of the process.
"""

import argparse
import sys
import time
from collections import Counter

from labelcycle.components.core.images.decode import UnreadableImage
from tests.harness.fuzz.bad_images import bad_image
from tests.harness.fuzz.limits import memory_limit, peak_memory
from tests.harness.fuzz.readers.images import TARGETS, read

HEADINGS = ("kind", "images", "decoded", "set aside", "lost", "slowest")


def main() -> int:
    """Decode as many as the arguments say, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.fuzz.images", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    outcomes: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    slowest: dict[str, float] = {}
    begun = time.monotonic()
    with memory_limit(TARGETS[0].megabytes):
        for number in range(settings.count):
            kind, data = bad_image(number, settings.seed)
            started = time.perf_counter()
            outcome, reason = outcome_of(data)
            slowest[kind] = max(slowest.get(kind, 0), time.perf_counter() - started)
            outcomes[kind, outcome] += 1
            if outcome == "set aside":
                reasons[reason] += 1
            if outcome == "lost":
                print(f"image {number} of seed {settings.seed} ({kind}): {reason}")
    print_table(outcomes, slowest)
    lost = sum(count for (_, outcome), count in outcomes.items() if outcome == "lost")
    print(
        f"{settings.count:,} images, {lost} lost, {len(reasons)} reasons, {time.monotonic() - begun:.0f} s, "
        f"peak memory {peak_memory() // 2**20:,} MiB (bound {TARGETS[0].megabytes:,} MiB)"
    )
    return 1 if lost else 0


def outcome_of(data: bytes) -> tuple[str, str]:
    """What comes of an image: `decoded`, `set aside` or `lost`, and why."""
    try:
        read(data)
    except UnreadableImage as error:
        return ("set aside", str(error)) if str(error) else ("lost", "set aside without a reason")
    except Exception as error:
        return "lost", repr(error)
    return "decoded", ""


def print_table(outcomes: Counter[tuple[str, str]], slowest: dict[str, float]) -> None:
    """One line a kind of bad image."""
    print("  ".join(heading.ljust(13) for heading in HEADINGS).rstrip())
    for kind in sorted(slowest):
        counts = [outcomes[kind, outcome] for outcome in ("decoded", "set aside", "lost")]
        cells = (kind, str(sum(counts)), *map(str, counts), f"{slowest[kind]:.2f} s")
        print("  ".join(cell.ljust(13) for cell in cells).rstrip())


if __name__ == "__main__":
    sys.exit(main())
