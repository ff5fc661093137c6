"""Whose turn it is, and that no answer is lost however many label at once."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.label_page import session as sessions
from labelcycle.pipelines.label_page.open_queries import NothingAsked
from labelcycle.pipelines.label_page.pictures import picture
from labelcycle.pipelines.label_page.session import AnsweredMeanwhile, LabellingSession
from tests.conftest import Bench
from tests.pipelines.label_page.conftest import begin_with_people, session_of


def colour(sample_id: str) -> str:
    return sample_id.partition("/")[0]


def answer_next(session: LabellingSession) -> str:
    """Answer what is shown with its class; returns the sample."""
    request = session.next_requests(1)[0]
    session.answer(request.cycle, request.sample_id, colour(request.sample_id), "ok")
    return request.sample_id


def answer_all(session: LabellingSession) -> list[str]:
    answered = []
    while session.next_requests(1):
        try:
            answered.append(answer_next(session))
        except AnsweredMeanwhile:
            continue
    return answered


def said(bench: Bench, cycle: int = 0) -> list[tuple[str, str, str]]:
    """Sample, what is said, and by whom, of every row with an answer."""
    with (Path(bench.root) / f"queries/cycle-{cycle:04d}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (row["sample_id"], row["label"] or row["status"], row.get("annotator", ""))
        for row in rows
        if row["label"] or row["status"]
    ]


def test_two_at_once_lose_nothing_and_ask_each_sample_once(bench: Bench) -> None:
    """The second finds out with its first answer, and works from the other end."""
    one, two = session_of(bench, "mara"), session_of(bench, "noor")
    first = answer_next(one)
    request = two.next_requests(1)[0]
    assert request.sample_id == first, "both began with the same image"
    with pytest.raises(AnsweredMeanwhile, match=colour(first)):
        two.answer(0, first, "red" if colour(first) != "red" else "blue", "ok")
    answered = {"mara": [first], "noor": []}
    while one.next_requests(1) or two.next_requests(1):
        for name, session in (("mara", one), ("noor", two)):
            session.look_again()
            if session.next_requests(1):
                answered[name].append(answer_next(session))
    assert sorted(said(bench)) == sorted(
        (sample_id, colour(sample_id), name) for name, samples in answered.items() for sample_id in samples
    )
    assert len(said(bench)) == 8 and len(answered["noor"]) == 3


def test_the_same_answer_twice_is_one(bench: Bench) -> None:
    one, two = session_of(bench), session_of(bench)
    sample_id = answer_next(one)
    two.answer(0, sample_id, colour(sample_id), "ok")
    one.answer(0, sample_id, colour(sample_id), "ok")
    assert said(bench) == [(sample_id, colour(sample_id), "")]
    assert [request.sample_id for request in one.next_requests(7)] == [
        request.sample_id for request in two.next_requests(7)[::-1]
    ]


def test_an_answer_that_others_overtake_is_written_into_what_they_wrote(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the file and writing it somebody else answers about another sample."""
    store = open_store(bench.root)
    one, two = LabellingSession(store, bench.root, "mara"), session_of(bench, "noor")
    others = [two.next_requests(8)[-1]]
    read = store.read

    def overtaken(key: str) -> bytes:
        data = read(key)
        if key.endswith(".csv") and others:
            request = others.pop()
            two.answer(request.cycle, request.sample_id, colour(request.sample_id), "ok")
        return data

    monkeypatch.setattr(store, "read", overtaken)
    first = answer_next(one)
    last = two.standing.mine[0][0].sample_id
    assert said(bench) == [(first, colour(first), "mara"), (last, colour(last), "noor")]


def test_others_who_never_pause(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(bench.root)
    session = LabellingSession(store, bench.root)
    monkeypatch.setattr(store, "write_if_unchanged", lambda *arguments: False)
    with pytest.raises(TransientError, match=r"cycle-0000\.csv without a pause. Answer once more"):
        answer_next(session)
    assert said(bench) == []


def test_what_is_written_into_the_csv_meanwhile_stays(bench: Bench) -> None:
    session = session_of(bench)
    path = Path(bench.root) / "queries/cycle-0000.csv"
    third = session.next_requests(3)[2].sample_id
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line[:-1] + "green," if line.startswith(third) else line for line in lines) + "\n")
    answered = answer_all(session)
    assert third not in answered and len(answered) == 7
    assert (third, "green", "") in said(bench)


def test_undo_leaves_what_others_and_spreadsheets_answered(bench: Bench) -> None:
    one, two = session_of(bench, "mara"), session_of(bench, "noor")
    sample_id = answer_next(one)
    two.look_again()
    assert two.undo() is None
    assert said(bench) == [(sample_id, colour(sample_id), "mara")]
    assert one.undo() is not None and said(bench) == []


def test_each_of_two_people_answers_every_sample(tmp_path: Path, pictures: Any) -> None:
    bench = begin_with_people(tmp_path / "campaign", pictures, quorum=2, budget=4, batch=4)
    with pytest.raises(ConfigurationError, match="--annotator"):
        session_of(bench)
    one = session_of(bench, "Mara")
    assert len(answer_all(one)) == 4
    assert one.standing.progress.for_others == 4 and one.standing.progress.answered == 4
    assert session_of(bench, "mara ").next_requests(1) == [], "the same person by another spelling"
    two = session_of(bench, "noor")
    answered = answer_next(two)
    assert [name for sample, _, name in said(bench) if sample == answered] == ["Mara", "noor"]
    assert two.undo() is not None
    assert [name for sample, _, name in said(bench) if sample == answered] == ["Mara"]
    answer_all(two)
    assert session_of(bench, "kim").next_requests(1) == []
    assert awaited_labels(open_store(bench.root), bench.state).votes_by_annotator == {"Mara": 4, "noor": 4}
    assert bench.run_cycle().cycle == 1
    assert len(bench.work.labelled()) == 4


def test_what_a_cycle_took_in_is_not_taken_back(tmp_path: Path, pictures: Any) -> None:
    """One of two people has answered what is still open for the other."""
    bench = begin_with_people(tmp_path / "campaign", pictures, quorum=2, answered_share=0.5, budget=8, batch=4)
    answer_all(session_of(bench, "mara"))
    other = session_of(bench, "noor")
    for _ in range(2):
        answer_next(other)
    bench.run_cycle()
    again = session_of(bench, "mara")
    assert again.standing.progress.for_others == 2 and again.undo() is None
    assert len(session_of(bench, "noor").next_requests(9)) == 6


def test_earlier_queries_that_lack_answers_come_after_the_last(tmp_path: Path, pictures: Any) -> None:
    bench = begin_with_people(tmp_path / "campaign", pictures, answered_share=0.5)
    session = session_of(bench)
    for _ in range(4):
        answer_next(session)
    left = [request.sample_id for request in session.next_requests(8)]
    assert len(left) == 4
    bench.run_cycle()
    session.look_again()
    asked = session.next_requests(20)
    assert [request.cycle for request in asked] == [1] * 8 + [0] * 4
    assert [request.sample_id for request in asked[8:]] == left
    assert session.standing.progress.earlier == 4
    assert len(answer_all(session)) == 12
    bench.ingest()
    assert len(bench.work.labelled()) == 16


def test_campaigns_that_people_do_not_label_here(
    begin: Callable[..., Bench], begin_on_images: Callable[..., Bench], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"reads its labels from \S+labels.csv .*begun without --labels-from"):
        session_of(begin_on_images(str(tmp_path / "file")))
    with pytest.raises(ConfigurationError, match="nobody is asked for them. Continue with: labelcycle run"):
        session_of(begin(root=str(tmp_path / "embeddings")))
    tool = {"label_studio": "http://labels.example.org", "image_server": "http://images.example.org"}
    with pytest.raises(ConfigurationError, match=r"Label Studio, at http://labels\.example\.org"):
        session_of(begin_on_images(str(tmp_path / "tool"), labels_from=None, **tool))
    bench = begin_on_images(str(tmp_path / "new"), labels_from=None)
    with pytest.raises(NothingAsked, match="no query yet.*labelcycle run"):
        session_of(bench)
    with pytest.raises(CampaignError, match="labelcycle init"):
        session_of(Bench(str(tmp_path / "nothing")))


def test_samples_without_images(begin: Callable[..., Bench], tmp_path: Path, embeddings: Path) -> None:
    import numpy as np

    with np.load(embeddings) as known:
        arrays = {name: known[name] for name in known.files}
    arrays["labels"] = np.where(arrays["splits"] == "test", arrays["labels"], "")
    np.savez(tmp_path / "unlabelled.npz", **arrays)
    bench = begin(embeddings=str(tmp_path / "unlabelled.npz"), classes=["blue", "green", "red"])
    bench.run_cycle()
    with pytest.raises(ConfigurationError, match="no images to be shown"):
        session_of(bench)


def test_a_query_that_was_not_delivered_is(bench: Bench) -> None:
    """A run that is killed between commit and delivery leaves it to the next who comes by."""
    for name in ("cycle-0000.csv", "cycle-0000.json"):
        (Path(bench.root) / "queries" / name).unlink()
    assert len(answer_all(session_of(bench))) == 8


def test_a_csv_that_is_gone(bench: Bench) -> None:
    session = session_of(bench)
    (Path(bench.root) / "queries/cycle-0000.csv").unlink()
    with pytest.raises(CampaignError, match="labelcycle publish"):
        answer_next(session)


def test_classes_are_those_of_the_campaign(bench: Bench) -> None:
    with pytest.raises(InputError, match="'purple' is no class"):
        session_of(bench).answer(0, session_of(bench).next_requests(1)[0].sample_id, "purple", "ok")


def test_a_root_and_images_in_s3(s3_root: str, s3_administrator: Any, pictures: Any) -> None:
    bucket, _, prefix = s3_root.removeprefix("s3://").partition("/")
    for path in sorted(pictures.images.rglob("*.png")):
        name = f"images/{path.relative_to(pictures.images).as_posix()}"
        s3_administrator.put_object(Bucket=bucket, Key=name, Body=path.read_bytes())
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    begin_campaign(
        s3_root,
        CampaignSettings(
            images=f"s3://{bucket}/images", test=str(pictures.test), recipe="linear_probe", budget=4, batch=4
        ),
    )
    bench = Bench(s3_root)
    bench.run_cycle()
    session = session_of(bench)
    first = session.next_requests(1)[0].sample_id
    image = session.queries.images[first]
    assert image.uri == sample_uris(open_store(s3_root), bench.state.campaign)[first]
    assert picture(image)[0] == (pictures.images / first).read_bytes()
    assert len(answer_all(session)) == 4
    assert session_of(bench).next_requests(1) == []
    assert bench.ingest().decision == "train"


def test_what_was_withdrawn_is_not_shown(bench: Bench, tmp_path: Path) -> None:
    session = session_of(bench, "mara")
    shown = [request.sample_id for request in session.next_requests(100)]
    for gone in (shown[:1], shown[1:]):
        (tmp_path / "gone.txt").write_text("\n".join(gone))
        wanted = WantedSamples(withdraw=str(tmp_path / "gone.txt"))
        amend_campaign(open_store(bench.root), WantedChanges(samples=wanted), "")
        if gone == shown[:1]:
            left = session_of(bench, "noor").next_requests(100)
            assert [request.sample_id for request in left] == shown[1:]
    with pytest.raises(NothingAsked, match="was withdrawn"):
        session_of(bench, "noor")


def test_classes_that_are_amended_are_offered_while_somebody_labels(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that was given before counts as what its class is now."""
    session = session_of(bench)
    first = answer_next(session)
    version = session.version
    session.look_again()
    assert session.version == version
    renamed = {colour(first): "azure"}
    change = WantedChanges(renamed=[f"{colour(first)}=azure"], classes=["+violet"])
    amend_campaign(open_store(bench.root), change, "")
    session.look_again_at_times()
    assert session.version == version
    monkeypatch.setattr(sessions, "SECONDS_BETWEEN_LOOKS", 0.0)
    session.look_again_at_times()
    assert session.version == version + 1 and {"azure", "violet"} <= set(session.queries.campaign.classes)
    request = session.next_requests(1)[0]
    session.answer(request.cycle, request.sample_id, "violet", "ok")
    while session.next_requests(1):
        request = session.next_requests(1)[0]
        name = colour(request.sample_id)
        session.answer(request.cycle, request.sample_id, renamed.get(name, name), "ok")
    bench.run_cycle()
    assert bench.work.labelled()[first] == "azure" and "violet" in bench.work.labelled().values()
