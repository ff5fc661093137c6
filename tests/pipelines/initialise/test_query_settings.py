"""What init refuses about queries, before any label is paid for: strategies, parameters, lists of ids, groups."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.select import STRATEGIES, Candidates, Picks, strategy


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """A function: (name, content) → the path of a file of the test."""

    def written(name: str, content: str) -> str:
        (tmp_path / name).write_bytes(content.encode())
        return str(tmp_path / name)

    return written


def lists(campaign: Any) -> tuple[list[str], list[str]]:
    selector = campaign.state.campaign.recipe.selector
    return selector.exclude, selector.include


def test_lists_of_ids_become_part_of_the_campaign(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    campaign = begin(
        exclude=write("exclude.txt", "\ufeffred-59\r\n\r\n  red-58 \nred-59\n"),
        include=write("include.txt", "red-50\nblue-07\nred-50"),
    )
    assert lists(campaign) == (["red-58", "red-59"], ["red-50", "blue-07"])


def test_lists_of_the_recipe_and_of_files_add_up(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    overrides = {"selector.exclude": ["red-59"], "selector.include": ["red-50"]}
    campaign = begin(
        overrides=overrides, exclude=write("exclude.txt", "red-57\n"), include=write("include.txt", "red-49\nred-50\n")
    )
    assert lists(campaign) == (["red-57", "red-59"], ["red-50", "red-49"])


def test_images_are_named_as_people_name_them(
    begin_on_images: Callable[..., Any], write: Callable[..., str], pictures: Any
) -> None:
    content = f"{pictures.images / 'red' / '07.png'}\n./blue/08.png\n"
    assert lists(begin_on_images(exclude=write("exclude.txt", content)))[0] == ["blue/08.png", "red/07.png"]


def test_what_is_never_queried_need_not_be_excluded(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    assert lists(begin(exclude=write("exclude.txt", "red-40\nred-50\n")))[0] == ["red-50"], "red-40 is a test sample"


def test_unusable_images_are_left_out_with_a_notice(
    begin_on_images: Callable[..., Any],
    write: Callable[..., str],
    pictures: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    (images / "broken.png").write_bytes(b"no image")
    include = write("include.txt", "broken.png\nred/07.png\n")
    campaign = begin_on_images(images=str(images), include=include, exclude=None)
    assert lists(campaign)[1] == ["red/07.png"]
    assert (
        "1 samples that must be included cannot be used and are left out, first 'broken.png'" in capsys.readouterr().err
    )


@pytest.mark.parametrize("flag", ["exclude", "include"])
def test_unknown_ids_are_refused_with_file_and_line(
    begin: Callable[..., Any], write: Callable[..., str], flag: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"ids.txt, line 3: no sample, or more than one, is called 'red-99'. Correct"):
        begin(**{flag: write("ids.txt", "red-50\n\nred-99\n")})
    assert not (tmp_path / "campaign" / "campaign.json").exists()


@pytest.mark.parametrize("flag", ["exclude", "include"])
def test_unknown_ids_in_the_recipe_are_refused(begin: Callable[..., Any], flag: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"selector.{flag}: no sample, or more than one, is called 'red-99'"):
        begin(overrides={f"selector.{flag}": ["red-50", "red-99"]})


@pytest.mark.parametrize("flag", ["exclude", "include", "groups"])
def test_files_that_are_not_there(begin: Callable[..., Any], tmp_path: Path, flag: str) -> None:
    with pytest.raises(InputError, match="There is no file .*missing.txt. Correct its name"):
        begin(**{flag: str(tmp_path / "missing.txt")})


@pytest.mark.parametrize("flag", ["exclude", "include", "groups"])
def test_files_that_are_no_text(begin: Callable[..., Any], tmp_path: Path, flag: str) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="ids.txt cannot be read as UTF-8 text"):
        begin(**{flag: str(tmp_path / "ids.txt")})


def test_a_test_sample_cannot_be_included(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"ids.txt, line 2: 'red-40' is in the test set, which is never queried"):
        begin(include=write("ids.txt", "red-50\nred-40\n"))


def test_an_id_in_both_lists_is_refused(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    with pytest.raises(ConfigurationError, match=r"in.txt, line 2: 'red-51' is excluded too, in .*out.txt, line 1"):
        begin(include=write("in.txt", "red-50\nred-51\n"), exclude=write("out.txt", "red-51\n"))


def test_a_batch_must_fit_what_is_not_excluded(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    names = [f"red-{number}" for number in range(44, 60)]
    with pytest.raises(ConfigurationError, match="--batch 40 is larger than the pool of 32 samples"):
        begin(exclude=write("ids.txt", "\n".join(names)), batch=40, budget=60)


def test_the_same_lists_again_change_nothing_and_others_are_refused(
    begin: Callable[..., Any], write: Callable[..., str]
) -> None:
    before = begin(exclude=write("ids.txt", "red-50\n")).files()
    assert begin(exclude=write("ids.txt", "red-50\n")).files() == before
    with pytest.raises(CampaignError, match="already belongs to campaign .*, whose settings or data differ"):
        begin(exclude=write("ids.txt", "red-51\n"))


def test_groups_are_part_of_the_pool(begin: Callable[..., Any], write: Callable[..., str]) -> None:
    content = 'group,sample_id,note\nnorth,red-50,\n"north, far",red-51,x\n,red-52,\nnorth,red-50,\n'
    campaign = begin(groups=write("groups.csv", content))
    table = load_pool(open_store(campaign.root), campaign.state.campaign)
    groups = {row["sample_id"]: row["group"] for row in table.to_pylist() if row["group"] is not None}
    assert groups == {"red-50": "north", "red-51": "north, far"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sample_id,site\nred-50,north\n", "lacks the column 'group'"),
        ("", "lacks the column 'sample_id'"),
        ("sample_id,group\nred-50,north\nred-99,south\n", "row 3: no sample, or more than one, is called 'red-99'"),
        (
            "sample_id,group\nred-50,north\nred-50,south\n",
            "row 3: 'red-50' belongs to 'south' here but to 'north' above",
        ),
        ('sample_id,group\nred-50,"north\n', "cannot be read as CSV"),
    ],
)
def test_groups_that_cannot_be_read(
    begin: Callable[..., Any], write: Callable[..., str], content: str, message: str
) -> None:
    with pytest.raises(InputError, match=f"groups.csv.* {message}"):
        begin(groups=write("groups.csv", content))


@pytest.mark.parametrize("place", ["selector", "cold_start"])
def test_quotas_need_groups_that_exist(begin: Callable[..., Any], write: Callable[..., str], place: str) -> None:
    overrides = {f"{place}.quotas": {"north": 2, "east": 1}}
    with pytest.raises(ConfigurationError, match=rf"{place} needs groups. Give --groups FILE"):
        begin(overrides=overrides)
    content = "sample_id,group\nred-50,north\nred-51,south\nred-40,east\n"
    message = f"{place}.quotas: no sample of the pool belongs to group 'east'. There are: north, south"
    with pytest.raises(ConfigurationError, match=message):
        begin(overrides=overrides, groups=write("groups.csv", content))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"selector.strategy": "dice"}, "no strategy 'dice'"),
        ({"cold_start.strategy": "dice"}, "no strategy 'dice'"),
        ({"selector.parameters.sharp": 1}, "'entropy' has no parameter sharp"),
        ({"cold_start.parameters.sharp": 1}, "'random' has no parameter sharp. It has none"),
        (
            {"selector.parameters.class_balanced": "yes"},
            "'class_balanced' of strategy 'entropy' should be a valid bool",
        ),
        ({"cold_start.strategy": "badge"}, "cold_start.strategy 'badge' needs probs, which no model gives"),
        ({"cold_start.strategy": "dropquery"}, "cold_start.strategy 'dropquery' needs head, which no model gives"),
    ],
    ids=str,
)
def test_strategies_that_would_be_refused_later(
    begin: Callable[..., Any], tmp_path: Path, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        begin(overrides=overrides)
    assert not (tmp_path / "campaign").exists()


@pytest.fixture
def needy() -> Any:
    """A function: registers a strategy called `needy` that needs these fields."""

    def register(*needs: str) -> None:
        def choose(pool: Candidates, budget: int, seed: int) -> Picks:
            return Picks(np.arange(budget), np.zeros(budget), ["needy"] * budget)

        choose.__name__ = "needy"
        strategy(needs=set(needs))(choose)

    yield register
    del STRATEGIES["needy"]


@pytest.mark.parametrize("place", ["selector", "cold_start"])
def test_strategies_that_need_groups(
    begin: Callable[..., Any], write: Callable[..., str], needy: Any, place: str
) -> None:
    needy("groups")
    overrides = {f"{place}.strategy": "needy"}
    with pytest.raises(ConfigurationError, match=f"{place} needs groups. Give --groups FILE"):
        begin(overrides=overrides)
    begin(overrides=overrides, groups=write("groups.csv", "sample_id,group\nred-50,north\n"))


@pytest.mark.parametrize("field", ["disagreements", "mutual_information"])
def test_strategies_that_need_dropout(begin: Callable[..., Any], needy: Any, field: str) -> None:
    needy(field, "probs")
    overrides = {"selector.strategy": "needy"}
    message = f"'needy' needs {field}, which the campaign does not have. Set scorer.name=dropout"
    with pytest.raises(ConfigurationError, match=message):
        begin(overrides=overrides)
    campaign = begin(overrides=overrides | {"scorer.name": "dropout"})
    campaign.run_cycle()
    assert campaign.run_until("select").size == 8


def test_the_scorer_drops_at_the_rate_that_the_strategy_names(begin: Callable[..., Any]) -> None:
    overrides = {"selector.parameters": {"passes": 3, "rate": 0.5}}
    with pytest.raises(ConfigurationError, match="scorer.rate is 0.75, but selector.parameters.rate is 0.5"):
        begin(recipe="dropquery", overrides=overrides)
    begin(recipe="dropquery", overrides=overrides | {"scorer.rate": 0.5})


def test_the_scorer_makes_as_many_passes_as_the_strategy_counts_on(begin: Callable[..., Any]) -> None:
    overrides: dict[str, Any] = {"scorer": {"name": "dropout", "passes": 7}, "selector.strategy": "dropquery"}
    message = "scorer.passes is 7, but strategy 'dropquery' counts on 3 passes. Set selector.parameters.passes=7"
    with pytest.raises(ConfigurationError, match=message):
        begin(overrides=overrides)
    campaign = begin(overrides=overrides | {"selector.parameters.passes": 7})
    campaign.run_cycle()
    campaign.run_until("select")
    query = pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))
    assert all("of 7 passes disagree" in reason for reason in query["reason"].to_pylist())


@pytest.mark.parametrize(("field", "flag"), [("texts", "--captions"), ("losses", "--pool-labels")])
def test_strategies_that_need_what_was_not_given(begin: Callable[..., Any], needy: Any, field: str, flag: str) -> None:
    needy(field, "disagreements")
    with pytest.raises(ConfigurationError, match=f"needs {field}, which the campaign does not have. Give {flag}"):
        begin(overrides={"selector.strategy": "needy", "scorer.name": "dropout"})


def test_the_command_takes_the_files(
    labelcycle: Callable[..., Any], write: Callable[..., str], embeddings: Path, tmp_path: Path
) -> None:
    root = tmp_path / "campaign"
    data = ("--embeddings", embeddings, "--budget", 24, "--batch", 8)
    wrong = labelcycle("init", root, *data, "--exclude", write("wrong.txt", "red-50\nnobody\n"))
    assert (
        wrong.returncode == 1 and "wrong.txt, line 2: no sample, or more than one, is called 'nobody'" in wrong.stderr
    )
    files = ("--exclude", write("out.txt", "red-50\n"), "--include", write("in.txt", "red-51\n"))
    groups = ("--groups", write("groups.csv", "sample_id,group\nred-52,north\n"))
    settings = ("--set", "selector.quotas.north=1", "--set", "selector.explore=0.25", "--set", "scorer={name: dropout}")
    answer = labelcycle("init", root, *data, *files, *groups, *settings)
    assert answer.returncode == 0, answer.stderr
    campaign = load_campaign(open_store(str(root)))
    selector = campaign.recipe.selector
    assert (selector.exclude, selector.include) == (["red-50"], ["red-51"])
    assert (selector.quotas, selector.explore, campaign.recipe.scorer.name) == ({"north": 1}, 0.25, "dropout")
