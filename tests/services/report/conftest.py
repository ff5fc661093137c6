"""A headless Chromium for the session, and the report of a campaign that has something of everything."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.pipelines.demo.digits import write_digits
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import Bench

CYCLES, BATCH, BUDGET = 6, 40, 300
HOSTILE_CLASS = "<script>document.title='class'</script>"
HOSTILE_PERSON = '"><img src=x onerror="document.title=1">'
PEOPLE = ("mara", "noor", HOSTILE_PERSON)


@pytest.fixture(scope="session")
def digits_campaign(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Six cycles on handwritten digits, labelled by three people who do not always agree, beside a random arm.

    One class and one person have names that would be markup if they were not escaped.
    """
    folder = tmp_path_factory.mktemp("report")
    write_digits(folder / "digits")
    for name in ("labels.csv", "test.csv"):
        _rename_a_class(folder / "digits" / name)
    votes = _votes(folder / "digits" / "labels.csv", folder / "votes.csv")
    begin_campaign(
        str(folder / "campaign"),
        CampaignSettings(
            images=str(folder / "digits" / "images"),
            test=str(folder / "digits" / "test.csv"),
            recipe="linear_probe",
            budget=BUDGET,
            batch=BATCH,
            overrides={"trainer.epochs": 60, "trainer.learning_rate": 0.02},
        ),
    )
    campaign = Bench(str(folder / "campaign"))
    campaign.run_cycle()
    random = {"labels": [40, 120, 200, 280], "accuracy": [0.5, 0.65, 0.74, 0.78], "strategy": ["random"] * 4}
    campaign.work.store.write("backtest/results.parquet", table_bytes(pa.table(random)))
    for _ in range(CYCLES - 1):
        campaign.run_cycle(str(votes))
    return campaign


@pytest.fixture(scope="session")
def report(digits_campaign: Bench) -> Path:
    """The last cycle's report, as the campaign keeps it."""
    store, commit = digits_campaign.work.store, digits_campaign.state.commits[-1]
    return Path(store.locate(commit.objects["report"].key))


def _rename_a_class(path: Path) -> None:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[HOSTILE_CLASS if cell == "3" else cell for cell in row] for row in rows])


def _votes(labels: Path, votes: Path) -> Path:
    """Everything from one person; every fourth also from another, who is wrong in a third of these; few from a third.

    One label in forty of the first is wrong.
    """
    with labels.open(newline="") as file:
        truth = [(row["sample_id"], row["label"]) for row in csv.DictReader(file)]
    classes = sorted({label for _, label in truth})
    rows = []
    for number, (sample_id, label) in enumerate(truth):
        wrong = classes[(classes.index(label) + 3) % len(classes)]
        rows.append((sample_id, wrong if number % 40 == 7 else label, PEOPLE[0]))
        if number % 4 == 0:
            rows.append((sample_id, wrong if number % 12 == 0 else label, PEOPLE[1]))
        if number % 8 == 0:
            rows.append((sample_id, label, PEOPLE[2]))
    with votes.open("w", newline="") as file:
        csv.writer(file).writerows([("sample_id", "label", "annotator"), *rows])
    return votes
