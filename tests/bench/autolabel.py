"""How often a certificate of machine labels is wrong, in many campaigns: `python -m tests.bench.autolabel`.

Each campaign divides digits, or the features in a file, anew into pool and test set, labels some of the pool in two
queries, the second by margin, trains the product's logistic regression and calibrates it on the test set. Steps are
planned, audited by the truth and judged as `labelcycle autolabel` does. Confidences are also calibrated by
cross-validation of the labels, and not at all; `sharp` takes half of the temperature that was found on the test set, so
that confidences promise too much and first steps fail.

    python -m tests.bench.autolabel --campaigns 200 --features eurosat-vit-tiny-features.npz
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binom
from sklearn.datasets import load_digits

from labelcycle.components.analysis.error_bound import audit_size
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.components.train_adapter.temperature import likeliest_temperature
from labelcycle.pipelines.autolabel.audit_steps import audit_rows, in_steps, plan_steps
from labelcycle.pipelines.autolabel.machine_labels import calibrated_confidence

LEVEL = 0.95


@dataclass(frozen=True)
class Setting:
    """What is simulated: labels of a campaign, test samples, the error that is claimed, and the audit."""

    labels: int
    test: int
    error: float
    audit: int | None = None
    steps: int = 3
    calibrated: Literal["test", "labels", "nothing", "sharp"] = "test"


@dataclass(frozen=True)
class Simulated:
    """A campaign: the share of the pool that was certified, its error, and how many answers the audits took."""

    share: float
    error: float
    audited: int
    step: int | None
    planned: float


def simulated(
    features: npt.NDArray[np.float16], classes: npt.NDArray[np.int64], setting: Setting, seed: int
) -> Simulated:
    """One campaign, from the division of the samples to the certificate."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(classes))
    test, pool = order[: setting.test], order[setting.test :]
    moments = feature_moments([features[pool]])
    assert moments is not None
    count, half = int(classes.max()) + 1, setting.labels // 2
    labelled = generator.choice(len(pool), half, replace=False)
    for _ in range(2):
        learnt = LabelledFeatures(features[pool[labelled]], classes[pool[labelled]])
        head = train_on_samples(learnt, None, count, LogisticTrainer(name="logistic"), moments).head
        probabilities = head.probabilities(features[pool])
        if len(labelled) == half:
            two = np.sort(probabilities, axis=1)[:, -2:]
            margin = two[:, 1] - two[:, 0]
            margin[labelled] = np.inf
            labelled = np.concatenate([labelled, np.argsort(margin, kind="stable")[: setting.labels - half]])
    temperature = 1.0
    if setting.calibrated in ("test", "sharp"):
        logits = head.logits(features[test]).astype(np.float64)
        known = np.isfinite(logits[np.arange(len(test)), classes[test]])
        temperature = likeliest_temperature(logits[known], classes[test][known])
        temperature *= 0.5 if setting.calibrated == "sharp" else 1.0
    elif setting.calibrated == "labels":
        again = LogisticTrainer(name="logistic", temperature="cross_validated")
        temperature = train_on_samples(learnt, None, count, again, moments).fitted.temperature or 1.0
    confidence = calibrated_confidence(probabilities, temperature)
    confidence[labelled] = np.nan
    wrong = probabilities.argmax(axis=1) != classes[pool]
    keys = generator.permutation(len(pool)).astype(np.uint64)
    planned = plan_steps(confidence, keys, setting.error, LEVEL, setting.audit, setting.steps)
    rows, last, asked = planned.rows, in_steps(planned) if planned.steps else np.empty(0, np.int8), set[int]()
    largest = len(rows) / len(pool)
    for number, step in enumerate(planned.steps):
        audited = audit_rows(last, keys[rows], number, step.audited)
        asked.update(audited.tolist())
        if wrong[rows[audited]].sum() <= step.allowed:
            mine = rows[last >= number]
            return Simulated(len(mine) / len(pool), float(wrong[mine].mean()), len(asked), number, largest)
    return Simulated(0.0, 0.0, len(asked), None, largest)


def report(
    name: str, features: npt.NDArray[np.float16], classes: npt.NDArray[np.int64], setting: Setting, campaigns: int
) -> str:
    """Simulate, and a row of a table. Fails where more certificates are wrong than chance allows."""
    start = time.process_time()
    found = [simulated(features, classes, setting, seed) for seed in range(campaigns)]
    seconds = time.process_time() - start
    wrong = sum(one.error > setting.error for one in found)
    certified = [one for one in found if one.step is not None]
    limit = int(binom.ppf(0.975, campaigns, 1 - LEVEL))
    first = sum(one.step == 0 for one in found)
    print(f"{name} {setting}: {seconds:.0f} CPU seconds", flush=True)
    assert wrong <= limit, f"{wrong} of {campaigns} certificates are wrong, more than {limit}"
    share, error, audited = (
        float(np.median(values)) if values else float("nan")
        for values in (
            [one.share for one in certified],
            [one.error for one in certified],
            [one.audited for one in found],
        )
    )
    audit = "chosen" if setting.audit is None else str(setting.audit)
    return (
        f"| {name} | {setting.calibrated} | {setting.labels} | {setting.error:.0%} | {audit} | "
        f"{setting.steps} | {first} | {len(certified) - first} | {campaigns - len(certified)} | {wrong} | "
        f"{share:.1%} | {error:.2%} | {audited:.0f} |"
    )


def worst(campaigns: int, claimed: float = 0.05, samples: int = 2000) -> str:
    """The same where all confidences are alike in what they hide: every step has one fault more than is claimed."""
    size, wrong = audit_size(2, claimed, (1 - LEVEL) / 3), 0
    for seed in range(campaigns):
        generator = np.random.default_rng(seed)
        confidence = generator.beta(20, 0.6, samples).astype(np.float32)
        keys = generator.permutation(samples).astype(np.uint64)
        planned = plan_steps(confidence, keys, claimed, LEVEL, size)
        last, faulty = in_steps(planned), np.zeros(len(planned.rows), np.bool_)
        for number in range(len(planned.steps)):
            mine = np.flatnonzero(last == number)
            faulty[generator.choice(mine, int(claimed * len(mine)) + 1, replace=False)] = True
        audits = (
            (audit_rows(last, keys[planned.rows], number, step.audited), step.allowed)
            for number, step in enumerate(planned.steps)
        )
        wrong += any(faulty[rows].sum() <= allowed for rows, allowed in audits)
    assert wrong <= int(binom.ppf(0.975, campaigns, 1 - LEVEL)), f"{wrong} of {campaigns} certificates are wrong"
    return f"Every step one fault too many, {campaigns} campaigns: {wrong} certified, all of them wrong."


HEAD = """\
| pool | by | labels | claim | audit | steps | first step | a later one | none | wrong | share | its error | answers |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def digits() -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]]:
    """The pixels of scikit-learn's digits, and their classes."""
    data = load_digits()
    return data.data.astype(np.float16), data.target.astype(np.int64)


def main() -> None:
    """Simulate, and print a table for RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--features", type=Path, help="an .npz with features and labels; without it digits alone")
    arguments = parser.parse_args()
    rows = [
        report("digits", *digits(), setting, arguments.campaigns)
        for setting in (
            Setting(200, 400, 0.05),
            Setting(200, 400, 0.05, audit=59, steps=1),
            Setting(200, 400, 0.05, calibrated="labels"),
            Setting(200, 400, 0.05, calibrated="nothing"),
            Setting(200, 400, 0.05, calibrated="sharp"),
        )
    ]
    if arguments.features is not None:
        with np.load(arguments.features) as file:
            features, classes = file["features"].astype(np.float16), file["labels"].astype(np.int64)
        rows += [
            report("EuroSAT", features, classes, setting, arguments.campaigns)
            for setting in (
                Setting(500, 2700, 0.02),
                Setting(500, 2700, 0.02, audit=149, steps=1),
                Setting(500, 2700, 0.02, calibrated="labels"),
                Setting(500, 2700, 0.02, calibrated="nothing"),
                Setting(500, 2700, 0.02, calibrated="sharp"),
                Setting(500, 2700, 0.05, calibrated="sharp"),
            )
        ]
    print(HEAD, *rows, "", worst(10 * arguments.campaigns), sep="\n")


if __name__ == "__main__":
    main()
