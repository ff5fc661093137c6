"""SVPp and ASVP against training the whole network every cycle: labels saved, seconds, cost.

`python -m tests.bench.methods.alignment --archive eurosat.tar --weights vit.safetensors`

The models of SVPp and ASVP that count are the final ones, so one is trained from the labels of every second cycle, in
a copy of the campaign that ends there. Seconds are of processor cores: those of a campaign's own cycles and of the one
final model at its end.
"""

import json
import re
import shutil
from pathlib import Path

from labelcycle.components.analysis.savings import Curve, savings
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage import open_store
from tests.bench.methods.arms import Arm, Bench, curve, run_jobs
from tests.bench.methods.markdown import percent, table
from tests.bench.methods.options import Options, read_options, settings_line

FINE_TUNING = {"epochs": 30, "learning_rate": 0.001, "head_learning_rate": 0.01, "batch_size": 32}
"""Rates that this small vision transformer trains at; those of the paper are for a ResNet-50."""

PROBING = {"epochs": 20, "probe_epochs": 10, "probe_learning_rate": 0.05, "learning_rate": 0.0001}
"""Linear probing and fine-tuning take as many epochs together as fine-tuning alone. As in the paper, probing's rate is
five times that of fine-tuning's head, and the backbone's rate after it a tenth of fine-tuning's."""

FINAL_EVERY = 2
"""Cycles from one final model to the next; the last cycle has one if their number divides by this."""

RANDOM, STANDARD = "random, FT", "standard FT"
LABEL_PRICES, CORE_HOUR = (0.01, 0.1), 0.05
"""Prices that the table's costs assume, in dollars: of a label, and of an hour of a processor core."""


def arms(cycles_seed: int) -> list[Arm]:
    """The compared campaigns."""
    tuned = {f"trainer.{name}": value for name, value in FINE_TUNING.items()}
    probed = tuned | {f"trainer.{name}": value for name, value in PROBING.items()}
    final = {f"final.trainer.{name}": value for name, value in FINE_TUNING.items()}
    aligned = {
        **{f"alignment.trainer.{name}": value for name, value in FINE_TUNING.items()},
        **{f"final.aligned.{name}": value for name, value in FINE_TUNING.items()},
        **{f"final.trainer.{name}": value for name, value in (FINE_TUNING | PROBING).items()},
    }
    return [
        Arm(RANDOM, "standard_ft", tuned | {"selector.strategy": "random"}, cycles_seed),
        Arm(STANDARD, "standard_ft", tuned, cycles_seed),
        Arm("standard LP-FT", "standard_lp_ft", probed, cycles_seed),
        Arm("SVPp", "svpp", final, cycles_seed),
        Arm("ASVP", "asvp", aligned, cycles_seed),
    ]


def main() -> None:
    """Run the campaigns and the final models, and print the tables."""
    options = read_options(__doc__ or "", pool=1500, test=1000, batch=20, cycles=20, seeds=1)
    bench = Bench(options.out / "alignment", options.begin(), options.cores)
    print(settings_line(options, "alignment"), f"Fine-tuning: {FINE_TUNING}; LP-FT: {PROBING}.")
    for seed in range(options.seeds):
        compared = arms(seed)
        bench.run(compared)
        finals(bench, compared, options)
        print(f"\n### Accuracy by labels, %, seed {seed}\n")
        curves = {arm.name: measured(bench, arm, options) for arm in compared}
        print(accuracies(curves))
        print(f"\n### Labels saved against random queries and fine-tuning, seconds and cost, seed {seed}\n")
        print(savings_and_cost(bench, compared, curves))
        print(f"\n### Decisions, seed {seed}\n")
        print(decisions(bench, [arm for arm in compared if arm.recipe == "asvp"]))


def finals(bench: Bench, compared: list[Arm], options: Options) -> None:
    """The final models, from the labels of every second cycle."""
    jobs = []
    for arm in compared:
        if arm.recipe in ("svpp", "asvp"):
            for cycle in range(FINAL_EVERY, options.cycles + 1, FINAL_EVERY):
                copy = copy_until(bench.root(arm), cycle)
                jobs.append([str(copy), "--cycles", "0", "--finalize"])
    run_jobs(jobs, bench.cores)


def measured(bench: Bench, arm: Arm, options: Options) -> Curve:
    """Accuracy by labels: of the cycles' own models, or of the final ones."""
    if arm.recipe not in ("svpp", "asvp"):
        return curve(read_state(open_store(str(bench.root(arm)))))
    accuracies = []
    for cycle in range(FINAL_EVERY, options.cycles + 1, FINAL_EVERY):
        final = read_state(open_store(str(_copy_of(bench.root(arm), cycle)))).final
        assert final is not None and final.accuracy is not None
        accuracies.append((final.labels, final.accuracy))
    by_labels = dict(accuracies)
    return Curve(list(by_labels), list(by_labels.values()))


def shared_labels(curves: dict[str, Curve]) -> list[int]:
    """Numbers of labels that all curves have."""
    return sorted(set.intersection(*(set(found.labels) for found in curves.values())))


def accuracies(curves: dict[str, Curve]) -> str:
    """Every second point that all curves have, and the last."""
    labels = shared_labels(curves)
    shown = sorted({*labels[1::2], labels[-1]})
    rows = [
        [name, *(percent(found.accuracy[found.labels.index(count)]) for count in shown)]
        for name, found in curves.items()
    ]
    return table(["method", *map(str, shown)], rows)


def savings_and_cost(bench: Bench, compared: list[Arm], curves: dict[str, Curve]) -> str:
    """The paper's tables 1 to 3; the mean saving is over the points that all curves have."""
    reference, points = seconds(bench, compared[1]), shared_labels(curves)
    rows = []
    for arm in compared:
        found = [saving for saving in savings(curves[arm.name], curves[RANDOM]) if saving.labels in points]
        mean = sum(saving.ratio for saving in found) / len(found)
        censored = sum(saving.censored for saving in found) / len(found)
        taken = seconds(bench, arm)
        labels = curves[arm.name].labels[-1]
        costs = [f"{labels * price + taken / 3600 * CORE_HOUR:.2f}" for price in LABEL_PRICES]
        rows.append([arm.name, percent(mean), percent(censored, 0), f"{taken:.0f}", f"{taken / reference:.0%}", *costs])
    headings = ["method", "mean saving ratio, %", "censored, %", "core seconds", "of standard FT"]
    return table([*headings, *(f"cost at {price:.2f} a label, $" for price in LABEL_PRICES)], rows)


def seconds(bench: Bench, arm: Arm) -> float:
    """Processor seconds of the campaign, and of its last final model."""
    root = bench.root(arm)
    store = open_store(str(root))
    total = 0.0
    for commit in read_state(store).commits:
        total += sum(timing.cpu_seconds for timing in read_timings(store, commit.cycle))
    if arm.recipe in ("svpp", "asvp"):
        last = sorted(root.parent.glob(f"{root.name}-until-*"), key=lambda path: int(path.name.rpartition("-")[2]))[-1]
        copy = open_store(str(last))
        total += sum(timing.cpu_seconds for timing in read_timings(copy, read_state(copy).commits[-1].cycle))
    return total


def decisions(bench: Bench, aligned: list[Arm]) -> str:
    """What was measured at each cycle, and what was decided."""
    rows = []
    for arm in aligned:
        store = open_store(str(bench.root(arm)))
        for commit in read_state(store).commits:
            if "alignment" in commit.objects:
                record = json.loads(store.read(commit.objects["alignment"].key))
                rows.append([arm.name, commit.cycle, *(_shown(record.get(name)) for name in RECORD)])
    return table(["method", "cycle", *RECORD], rows)


RECORD = ("ped_steps", "logme", "change", "update")


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _copy_of(root: Path, cycle: int) -> Path:
    return root.with_name(f"{root.name}-until-{cycle}")


def copy_until(root: Path, cycle: int) -> Path:
    """A copy of the campaign without the cycles after this one."""
    copy = _copy_of(root, cycle)
    if not copy.is_dir():
        shutil.copytree(root, copy, ignore=lambda folder, names: _later(Path(folder), names, cycle))
    return copy


def _later(folder: Path, names: list[str], cycle: int) -> list[str]:
    """What later cycles wrote: their own folders, and the queries that they handed out."""
    number = {"cycles": r"(\d+)", "queries": r"cycle-(\d+)\."}.get(folder.name)
    found = {name: re.match(number, name) for name in names} if number else {}
    return [name for name, match in found.items() if match and int(match[1]) > cycle]


if __name__ == "__main__":
    main()
