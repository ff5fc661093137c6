"""One person whose name is spelled in several ways."""

from pathlib import Path

import pytest

from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.people import as_spelled_before, person
from labelcycle.components.labelling.sample_ids import SampleIds

IDS = SampleIds({"a.jpg": None, "b.jpg": None, "c.jpg": None})


def vote(sample: str, annotator: str, label: str = "cat") -> Vote:
    return Vote(sample, annotator, label, "ok", "", "labels.csv")


@pytest.mark.parametrize("other", ["ann lee", "ANN LEE", "Ann  Lee", "Ann\u00a0Lee"])
def test_case_and_spaces_make_no_other_person(other: str) -> None:
    assert person(other) == person("Ann Lee")


def test_unicode_forms_make_no_other_person() -> None:
    assert person("Rene\u0301") == person("RENÉ") != person("Rene")


def test_the_first_spelling_in_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label,annotator\na,cat,Ann\na,cat,ann\nb,dog,ANN\nb,cat,bob\n")
    found = read_votes_file(str(path), IDS, None)
    assert [(vote.sample_id, vote.annotator) for vote in found] == [
        ("a.jpg", "Ann"),
        ("b.jpg", "Ann"),
        ("b.jpg", "bob"),
    ]


def test_one_person_in_two_spellings_does_not_contradict_itself(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label,annotator\na,cat,Ann\na,dog,ann\n")
    with pytest.raises(InputError, match="row 3: 'a' is 'dog' here but 'cat' in row 2"):
        read_votes_file(str(path), IDS, None)


def test_a_spelling_that_was_kept_before_stays() -> None:
    kept = in_force([vote("a", "Ann"), vote("b", "ann"), vote("b", "bob")])
    found = [
        vote("a", "ann", "dog"),
        vote("b", "Ann"),
        vote("b", "bob"),
        vote("c", "ANN"),
        vote("c", ""),
        vote("c", "x"),
    ]
    assert as_spelled_before(found, kept) == [
        vote("a", "Ann", "dog"),
        vote("b", "ann"),
        vote("b", "bob"),
        vote("c", "Ann"),
        vote("c", ""),
        vote("c", "x"),
    ]
