"""The phase in words, and the command to go on with."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.labelling.delivery_record import write_delivery_record
from labelcycle.pipelines.dashboard.next_step import NextStep, next_step


def step(story: Any, root: str | None = None, **changes: object) -> NextStep:
    state: State = read_state(story.store)
    return next_step(
        story.store, replace(state, campaign=state.campaign.model_copy(update=changes)), root or story.root
    )


def test_people_fill_in_a_file(labelled_by_people: Any) -> None:
    assert step(labelled_by_people).words.endswith(f"labelled at {labelled_by_people.root}/queries/cycle-0002.csv")


def test_a_label_file_is_not_named(labelled_by_people: Any) -> None:
    words = step(labelled_by_people, labels_from="https://host/labels.csv?token=secret").words
    assert words == "labelling: the campaign's label file answers the 10 samples of cycle 2's query"


def test_a_tool(labelled_by_people: Any) -> None:
    labelling = Labelling(tool=LabelStudioTool(url="http://labels.example.org/"))
    (Path(labelled_by_people.root) / "queries" / "cycle-0002.json").unlink()
    write_delivery_record(labelled_by_people.store, 2, "http://labels.example.org/projects/7")
    words = step(labelled_by_people, labelling=labelling).words
    assert words == "labelling: the 10 samples of cycle 2's query are labelled at http://labels.example.org/projects/7"


def test_a_query_that_the_tool_does_not_have_yet(labelled_by_people: Any) -> None:
    (Path(labelled_by_people.root) / "queries" / "cycle-0002.json").unlink()
    labelling = Labelling(tool=LabelStudioTool(url="http://labels.example.org/"))
    words = step(labelled_by_people, labelling=labelling).words
    assert words.endswith("have still to be sent to http://labels.example.org")


def test_a_command_that_a_shell_takes_as_it_is(labelled_by_people: Any) -> None:
    command = step(labelled_by_people, "a folder/of $HOME").command
    assert shlex.split(command) == ["labelcycle", "run", "a folder/of $HOME"]


def test_the_final_model_is_still_to_be_trained(begin_on_images: Any, tell: Any) -> None:
    story = tell(begin_on_images(recipe="svpp").root)
    story.cycle(0, None, 24)
    story.cycle(24, 0.7, 0)
    last = step(story)
    assert last.words.endswith("; the final model has still to be trained")
    assert last.command == f"labelcycle finalize {story.root}"


def test_done(begin_story: Any) -> None:
    story = begin_story()
    story.cycle(0, None, 24)
    story.cycle(24, 0.7, 0)
    done = step(story)
    assert done.words == "done: the budget of 24 labels is spent"
    assert done.command == f"labelcycle cost {story.root}"
