"""`labelcycle autolabel` from the plan to the certificate, with people who answer in files and find faults."""

import csv
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.components.core.storage.tables import read_table
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.autolabel.autolabel_records import AUDIT
from labelcycle.pipelines.autolabel.certified_labels import write_certified_labels
from labelcycle.pipelines.autolabel.confidence_calibration import calibrate
from labelcycle.pipelines.autolabel.protocol import AutolabelState, Claim, autolabel
from labelcycle.pipelines.cli.main import app_with
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench
from tests.harness.label_studio_api import Api
from tests.pipelines.autolabel.conftest import CLASSES, SAMPLES
from tests.pipelines.models.conftest import crown

CLAIM = Claim(0.05, 0.9, audit=60, steps=2)
Answer = Callable[..., str]


@pytest.fixture
def begun(campaign: Bench) -> AutolabelState:
    """A plan whose first audit people have."""
    return autolabel(campaign.root, CLAIM)


def ids(file: str) -> list[str]:
    with Path(file).open(newline="") as opened:
        return [row["sample_id"] for row in csv.DictReader(opened)]


def test_people_are_asked_without_being_told_what_the_machine_thinks(campaign: Bench, begun: AutolabelState) -> None:
    assert begun.began and begun.certificate is None and (begun.step, begun.awaited) == (0, 60)
    assert Path(begun.source).read_text().splitlines()[0] == "sample_id,uri,label,status"
    asked = ids(begun.source)
    assert len(set(asked)) == 60 and not set(asked) & set(campaign.work.requests()["sample_id"].to_pylist())
    again = autolabel(campaign.root, CLAIM)
    assert (again.plan, again.began, again.awaited, again.source) == (begun.plan, False, 60, begun.source)
    assert (begun.plan.pool, begun.plan.unlabelled) == (600, 570)
    assert (begun.plan.calibrated_on, begun.plan.calibrated_with) == ("test", 60)


def test_a_faultless_audit_certifies_the_first_step(
    campaign: Bench, begun: AutolabelState, answer: Answer, truth: dict[str, str], tmp_path: Path
) -> None:
    before = campaign.files()
    file = answer(begun.source)
    Path(begun.source).write_bytes(Path(file).read_bytes())  # people fill in the CSV itself
    over = autolabel(campaign.root, CLAIM)
    certificate = over.certificate
    assert certificate is not None and (certificate.step, certificate.faults, certificate.audited) == (0, 0, 60)
    assert certificate.samples == begun.plan.steps[0].samples and certificate.bound is not None
    assert certificate.bound <= 0.05 and certificate.earlier_plans == 0
    assert autolabel(campaign.root, CLAIM).certificate == certificate
    store = open_store(campaign.root)
    count = write_certified_labels(store, campaign.state.campaign, over.plan, certificate, str(tmp_path / "out"))
    labels = pq.read_table(tmp_path / "out" / "labels.parquet")
    assert labels.num_rows == count == certificate.samples
    assert labels["sample_id"].to_pylist() == sorted(labels["sample_id"].to_pylist())
    assert labels["source"].to_pylist().count("audit") == 60
    wrong = sum(truth[row["sample_id"]] != row["label"] for row in labels.to_pylist())
    assert wrong <= 0.05 * count
    assert json.loads((tmp_path / "out" / "certificate.json").read_text())["samples"] == count
    assert (tmp_path / "out" / "share.png").read_bytes().startswith(b"\x89PNG")
    assert not verify_campaign(store).findings
    after = campaign.files()
    touched = {key for key in after if before.get(key) != after[key]}
    assert all(key.startswith("autolabel/") for key in touched), "no label of the machine is one of people"


def test_faults_lead_to_a_smaller_share_whose_audit_uses_the_answers_again(
    campaign: Bench, begun: AutolabelState, answer: Answer
) -> None:
    first = ids(begun.source)
    audits = read_table(open_store(campaign.root), begun.plan.audits, AUDIT).to_pylist()
    wrong = {row["sample_id"] for row in audits if row["step"] == 0 and row["sample_id"] in first}
    going_on = autolabel(campaign.root, CLAIM, answer(begun.source, wrong=wrong))
    assert len(wrong) > begun.plan.steps[0].allowed and going_on.certificate is None and going_on.step == 1
    assert 0 < going_on.awaited < 60
    assert len(ids(going_on.asked)) == going_on.awaited and not set(first) & set(ids(going_on.asked))
    lines = Path(answer(begun.source, wrong=wrong)).read_text() + Path(answer(going_on.asked)).read_text()
    both = Path(begun.source).with_name("both.csv")
    both.write_text("\n".join(dict.fromkeys(lines.splitlines())) + "\n")
    over = autolabel(campaign.root, CLAIM, str(both)).certificate
    both.unlink()
    assert over is not None and [outcome.certified for outcome in over.outcomes][0] is False
    assert over.audited == 60 + going_on.awaited
    assert (over.step, over.samples) == (1, begun.plan.steps[1].samples)


def test_a_step_with_too_many_faults_is_over_before_all_have_answered(
    campaign: Bench, begun: AutolabelState, answer: Answer
) -> None:
    """Skipped samples are faults: nobody has confirmed the machine's label."""
    audits = read_table(open_store(campaign.root), begun.plan.audits, AUDIT).to_pylist()
    skipped = {row["sample_id"] for row in audits if row["step"] == 0 and row["sample_id"] in ids(begun.source)}
    file = Path(answer(begun.source, skipped=skipped))
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "label" in line or "skip" in line))
    going_on = autolabel(campaign.root, CLAIM, str(file))
    assert (going_on.step, going_on.awaited) == (1, 60)
    over = autolabel(campaign.root, CLAIM, answer(going_on.asked, wrong=set(ids(going_on.asked)))).certificate
    assert over is not None and (over.step, over.samples, over.bound) == (None, 0, None)


def test_another_claim_waits_for_the_end_of_the_first_or_gives_it_up(
    campaign: Bench, begun: AutolabelState, answer: Answer
) -> None:
    with pytest.raises(ConfigurationError, match=r"under way. Finish it: .* --error 0.05 --confidence 0.9 --audit 60"):
        autolabel(campaign.root, Claim(0.1))
    second = autolabel(campaign.root, CLAIM, anew=True)
    assert second.plan.number == 1 and set(ids(second.asked)) != set(ids(begun.source))
    over = autolabel(campaign.root, CLAIM, answer(second.asked)).certificate
    assert over is not None and over.earlier_plans == 1
    third = autolabel(campaign.root, Claim(0.1, audit=40, steps=1))
    assert third.began and third.plan.number == 2


def test_a_plan_is_not_shown_as_one_of_another_model(campaign: Bench, answer: Answer, tmp_path: Path) -> None:
    campaign_of_two(campaign, tmp_path)
    begun = autolabel(campaign.root, CLAIM, model="1")
    assert begun.began and autolabel(campaign.root, CLAIM).plan == begun.plan, "the plan's own where none is named"
    assert autolabel(campaign.root, CLAIM, model="1").plan == begun.plan
    flags = "--error 0.05 --confidence 0.9 --audit 60 --steps 2"
    for state, verb in [("under way", "Follow"), ("finished", "See")]:
        with pytest.raises(ConfigurationError) as refused:
            autolabel(campaign.root, CLAIM, model="2")
        command = f"labelcycle autolabel {campaign.root} {flags}"
        assert str(refused.value) == (
            f"Plan 1 of this campaign, which is {state}, was made with the model of cycle 1, not with the model of "
            f"cycle 2. {verb} it without --model: {command}. Or begin another one, with an audit of its own: {command} "
            "--model 2 --anew"
        )
        if state == "under way":
            assert autolabel(campaign.root, CLAIM, answer(begun.asked)).certificate is not None
    with pytest.raises(ConfigurationError, match="There is no model 'best'"):
        autolabel(campaign.root, CLAIM, model="best")
    second = autolabel(campaign.root, CLAIM, model="2", anew=True)
    assert (second.began, second.plan.number, second.plan.model_cycle) == (True, 1, 2)


def campaign_of_two(campaign: Bench, folder: Path) -> None:
    """Let the campaign train once more, on labels of its first budget and ten more."""
    wanted = WantedChanges(budget=campaign.state.campaign.budget + 10)
    every = folder / "every.csv"
    names = [f"{CLASSES[row % 3]}-{row:03d}" for row in range(SAMPLES)]
    every.write_text("sample_id,label\n" + "".join(f"{name},{name.partition('-')[0]}\n" for name in names))
    amend_campaign(open_store(campaign.root), wanted, "")
    while campaign.state.phase != "done":
        campaign.run_cycle(str(every))


def test_without_a_test_set_labels_calibrate_by_cross_validation(
    campaign: Bench, begin: Callable[..., Bench], tmp_path: Path
) -> None:
    begun = begin(str(tmp_path / "few-tests"), recipe="logistic", budget=32, batch=16)
    for _ in range(3):
        begun.run_cycle()
    chosen = choose_model(begun.root, 2)
    found = calibrate(chosen, begun.state)
    assert (found.on, found.samples) == ("labels", 32) and found.temperature != 1.0
    on_test = calibrate(choose_model(campaign.root), campaign.state)
    assert on_test.on == "test" and on_test.temperature != 1.0


def test_the_audit_is_in_label_studio_where_queries_are(
    begin_on_small_network: Callable[..., Bench], studio: Api, tmp_path: Path
) -> None:
    """Its tasks have no guess of the model, and none is made twice; its answers are none to the campaign's query."""
    tool = {"label_studio": studio.url, "image_server": "http://images.example.org"}
    begun = begin_on_small_network(labels_from=None, recipe="logistic", budget=16, batch=8, **tool)
    begun.run_cycle()

    def answer_all() -> None:
        for number, task in studio.tasks.items():
            if not task["annotations"]:
                studio.annotate(number, task["data"]["sample_id"].partition("/")[0])

    answer_all()
    begun.run_cycle()
    of_queries = set(studio.tasks)
    claim = Claim(0.5, 0.5, audit=6, steps=1)
    asked = autolabel(begun.root, claim, model="1")
    of_audit = set(studio.tasks) - of_queries
    assert asked.awaited == len(of_audit) == 6 and asked.asked == asked.source == f"{studio.url}/projects/1"
    assert not any(studio.tasks[number]["predictions"] for number in of_audit)
    assert autolabel(begun.root, claim).awaited == 6 and set(studio.tasks) == of_queries | of_audit
    assert begun.ingest().awaited == 8
    answer_all()
    over = autolabel(begun.root, claim)
    assert over.certificate is not None and over.certificate.audited == 6
    assert not (Path(begun.root) / "autolabel" / "0000" / "audit-1.csv").exists()
    assert begun.ingest().decision == "train"
    labelled = begun.run_cycle()
    assert labelled.labels == 16, "the audit's answers are none to what the campaign asked"


class Killed(Exception):
    """Stands for a kill."""


def test_whoever_is_killed_goes_on(
    campaign: Bench, answer: Answer, truth: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write: the plan and what comes of it are those of a run that nothing has stopped."""
    every = tmp_path / "every.csv"
    every.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in truth.items()))
    begun = Path(campaign.root)
    shutil.copytree(begun, tmp_path / "whole")
    whole = autolabel(str(tmp_path / "whole"), CLAIM, str(every)).certificate
    for kills in range(30):
        root = str(shutil.copytree(begun, tmp_path / f"killed-{kills}"))
        with monkeypatch.context() as context:
            die_at(context, kills)
            try:
                autolabel(root, CLAIM, str(every))
                break
            except Killed:
                pass
        again = autolabel(root, CLAIM, str(every)).certificate
        assert whole is not None and again is not None
        assert again.model_copy(update={"time": whole.time}) == whole
    assert 5 < kills < 30, "the last run was not killed"


def die_at(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let the write of this number, from 0, not return although it was done."""
    left = itertools.count()
    for name in ("write", "write_if_absent"):
        do = getattr(FolderStore, name)

        def dying(*arguments: object, do: Callable[..., object] = do) -> object:
            done = do(*arguments)
            if next(left) == number:
                raise Killed
            return done

        patch.setattr(FolderStore, name, dying)


def test_labels_of_the_campaign_play_the_annotator(begin: Callable[..., Bench], store_root: str) -> None:
    begun = begin(store_root, budget=8)
    for _ in range(2):
        begun.run_cycle()
    crown(begun.root)
    claim = Claim(0.3, 0.6, audit=3, steps=1)
    over = autolabel(begun.root, claim)
    assert over.began and over.certificate is not None and over.plan.calibrated_on == "nothing", "12 tests are too few"
    assert autolabel(begun.root, claim).certificate == over.certificate
    store, output = open_store(begun.root), open_store(f"{begun.root}/labels/of-the-machine")
    count = write_certified_labels(store, begun.state.campaign, over.plan, over.certificate, output.root)
    assert count == over.certificate.samples
    assert [key.rpartition("/")[2] for key in output.keys("")] == ["certificate.json", "labels.parquet", "share.png"]


def test_the_command_says_what_comes_next(campaign: Bench, begun: AutolabelState, answer: Answer) -> None:
    command = ["autolabel", campaign.root, "--error", "0.05", "--confidence", "0.9", "--audit", "60", "--steps", "2"]
    told = CliRunner().invoke(app_with(["autolabel", "argo"]), [*command, "--labels-from", answer(begun.source)])
    assert told.exit_code == 0 and "for a folder of the labels call it again with --output FOLDER" in told.output
    assert "step 1: 0 faults among 60 answers" in told.output
    second = autolabel(campaign.root, CLAIM, anew=True)
    wrong = set(ids(second.asked))
    while second.certificate is None:
        second = autolabel(campaign.root, CLAIM, answer(second.asked, wrong=wrong | set(ids(second.asked))))
    told = CliRunner().invoke(app_with(["autolabel", "argo"]), command)
    assert told.exit_code == 1 and "Label more and begin anew (--anew)" in told.output


@pytest.mark.parametrize(
    ("settings", "example"),
    [
        ({"error": 0.0}, "2 % as 0.02"),
        ({"error": 5}, "5 % as 0.05"),
        ({"error": 0.1, "level": 1.0}, "2 % as 0.02"),
        ({"error": 0.1, "level": 95}, "95 % as 0.95"),
    ],
)
def test_what_is_no_share_is_refused(settings: dict[str, float], example: str) -> None:
    with pytest.raises(ConfigurationError, match=f"is not between 0 and 1. Write {example}.$"):
        Claim(**settings)  # type: ignore[arg-type]
