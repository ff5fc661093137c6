"""What rechecks find of wrong labels, in whole campaigns on scikit-learn's digits: `python -m tests.bench.rechecks`.

One person answers the CSVs and errs at random, in second answers as often as in first ones. Checking at random is what
chance would find with as many rechecks.
"""

import argparse
import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.queries import requests_in
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import CONSENSUS, read_table
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.pipelines.demo.digits import write_digits
from labelcycle.pipelines.initialise.begin import begin_campaign
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from tests.conftest import Bench

SHARES = (0.0, 0.05, 0.1)
BATCH = 25


@dataclass(frozen=True)
class Outcome:
    """A campaign at its end.

    Attributes:
        labels: samples with a first answer.
        wrong: of these, first answers that were wrong.
        checked: samples that were asked for again.
        found: of these, those whose first answer was wrong.
        left: labels that are wrong in the end.
        accuracy: of the last model, on a test set without errors.
    """

    labels: int
    wrong: int
    checked: int
    found: int
    left: int
    accuracy: float


class Person:
    """Answers CSVs, some of them wrongly; what is answered to a request is the same whatever else is asked."""

    def __init__(self, truth: dict[str, str], errors: float, seed: int) -> None:
        self._truth, self._errors, self._seed = truth, errors, seed
        self._classes = sorted(set(truth.values()))

    def says(self, name: str, time: int) -> str:
        """The answer to the first or the second request for a sample."""
        generator = np.random.default_rng([self._seed, time, int(name.removeprefix("digit-").removesuffix(".png"))])
        if generator.random() >= self._errors:
            return self._truth[name]
        return str(generator.choice([one for one in self._classes if one != self._truth[name]]))

    def fill_in(self, root: str, cycle: int, asked: set[str]) -> None:
        """Answer the query of a cycle; `asked` are the samples that were asked for before."""
        store = open_store(root)
        rows = list(csv.DictReader(io.StringIO(store.read(delivery_key(cycle)).decode())))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"label": self.says(row["sample_id"], row["sample_id"] in asked)} for row in rows)
        store.write(delivery_key(cycle), text.getvalue().encode())


def run(data: Path, root: str, share: float, errors: float, budget: int, seed: int) -> Outcome:
    """One campaign from its first query to its last model."""
    with np.load(data / "pixels.npz") as file:
        arrays = {name: file[name] for name in file.files}
    truth = dict(zip(arrays["ids"].tolist(), arrays["labels"].tolist(), strict=True))
    unlabelled = Path(f"{root}.npz")
    np.savez(unlabelled, ids=arrays["ids"], features=arrays["features"])
    settings = {"budget": budget, "batch": BATCH, "seed": seed, "recheck": share}
    begin_campaign(root, CampaignSettings(embeddings=str(unlabelled), test=str(data / "test.csv"), **settings))
    campaign, person = Bench(root), Person(truth, errors, seed)
    asked: set[str] = set()
    while campaign.run_cycle().query_size:
        cycle = len(campaign.state.commits) - 1
        person.fill_in(root, cycle, asked)
        asked = {request.sample_id for request in _requests(root)}
    return _outcome(root, truth, person)


def _requests(root: str) -> list:
    store = open_store(root)
    return requests_in(read_requests(store, History(), read_state(store).commits))


def _outcome(root: str, truth: dict[str, str], person: Person) -> Outcome:
    store = open_store(root)
    state, requests = read_state(store), _requests(root)
    first = {request.sample_id for request in requests}
    wrong = {name for name in first if person.says(name, 0) != truth[name]}
    checked = {request.sample_id for request in requests if request.recheck}
    labels = labels_of(read_table(store, state.commits[-1].objects["consensus"], CONSENSUS))
    left = sum(label != truth[name] for name, label in labels.items())
    accuracy = state.summaries[-1].accuracy
    assert accuracy is not None
    return Outcome(len(first), len(wrong), len(checked), len(checked & wrong), left, accuracy)


def main() -> None:
    """Print one row a share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=500)
    parser.add_argument("--errors", type=float, default=0.05)
    options = parser.parse_args()
    print(
        "| share | labels | wrong at first | checked | of the wrong found | at random | wrong at the end | accuracy |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="labelcycle-rechecks-") as folder:
        data = Path(folder) / "digits"
        write_digits(data)
        for share in SHARES:
            runs = [
                run(data, f"{folder}/{share}-{seed}", share, options.errors, options.budget, seed)
                for seed in range(options.seeds)
            ]
            print(_row(share, runs), flush=True)


def _row(share: float, runs: list[Outcome]) -> str:
    def mean(values: list[float], form: str) -> str:
        error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        return f"{np.mean(values):{form}} ± {error:{form}}"

    cells = [
        f"{share:g}",
        mean([one.labels for one in runs], ".1f"),
        mean([one.wrong for one in runs], ".1f"),
        mean([one.checked for one in runs], ".1f"),
        mean([one.found / one.wrong for one in runs], ".1%"),
        f"{np.mean([one.checked / one.labels for one in runs]):.1%}",
        mean([one.left for one in runs], ".1f"),
        mean([one.accuracy for one in runs], ".2%"),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
