"""Beginning a campaign: test sets, classes, sizes, and roots that are taken."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import QUARANTINE, read_table, table_in
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.initialise.begin import begin_campaign
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

LABELS = "sample_id,label\n"


def splits(campaign: Any) -> dict[str, str]:
    table = load_pool(open_store(campaign.root), campaign.state.campaign)
    return dict(zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True))


def truth(campaign: Any) -> dict[str, str]:
    return load_truth(open_store(campaign.root), campaign.state.campaign)


def test_the_split_of_the_embeddings_is_kept(begin: Callable[..., Any]) -> None:
    campaign = begin()
    assert {name for name, split in splits(campaign).items() if split == "test"} == truth(campaign).keys()
    assert len(truth(campaign)) == 12 and campaign.state.campaign.classes == ["blue", "green", "red"]


def test_validation_samples_have_their_labels(begin: Callable[..., Any], write_npz: Callable[..., str]) -> None:
    campaign = begin(embeddings=write_npz(), budget=3, batch=1)
    assert truth(campaign) == {"sample-0": "cat", "sample-1": "dog", "sample-2": "cat"}
    campaign.run_cycle()
    assert campaign.run_until("train_adapter").training.validation_accuracy is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"backbone": "dinov2-smal"}, "Did you mean 'dinov2-small'"),
        ({"backbone": "dinov2-small", "weights": "missing.safetensors"}, "There is no file 'missing.safetensors'"),
    ],
)
def test_a_backbone_that_is_not_there_is_told_before_images_are_read(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    settings = CampaignSettings(images=str(tmp_path / "nothing"), budget=8, batch=4, **given)
    with pytest.raises(ConfigurationError, match=said):
        begin_campaign(str(tmp_path / "campaign"), settings)
    assert not (tmp_path / "campaign").exists()


def test_a_backbone_for_embeddings_is_refused(embeddings: Path, tmp_path: Path) -> None:
    settings = CampaignSettings(embeddings=str(embeddings), budget=8, batch=4, backbone="dinov2-small")
    with pytest.raises(ConfigurationError, match="--backbone is about the network .* Leave it out, or give --images"):
        begin_campaign(str(tmp_path / "campaign"), settings)


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_without_a_test_set_a_share_of_each_class_is_held_out(
    begin: Callable[..., Any], embeddings: Path, tmp_path: Path, share: float
) -> None:
    content = {name: array for name, array in np.load(embeddings).items() if name != "splits"}
    np.savez(tmp_path / "plain.npz", **content)
    held = []
    for number, seed in enumerate((0, 0, 1)):
        campaign = begin(
            str(tmp_path / str(number)), embeddings=str(tmp_path / "plain.npz"), test_share=share, seed=seed
        )
        held.append(truth(campaign))
    labels = list(held[0].values())
    assert [labels.count(name) for name in ("blue", "green", "red")] == [round(20 * share)] * 3
    assert held[0] == held[1] != held[2]


def test_the_only_sample_of_a_class_is_left_to_learn_from(
    begin: Callable[..., Any], write_npz: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.array(["cat"] * 3 + ["dog"] * 2 + ["owl"])
    campaign = begin(embeddings=write_npz(labels=labels, splits=None), budget=2, batch=1)
    assert sorted(truth(campaign).values()) == ["cat", "dog"]
    assert campaign.state.campaign.classes == ["cat", "dog", "owl"]
    told = capsys.readouterr().err
    assert "2 of 6 labelled samples (10% of each class) are held out, by which accuracy is known to 69 points" in told
    assert "These classes have one labelled sample and so none to test with: owl." in told


def test_one_sample_of_each_class_makes_no_test_set(begin: Callable[..., Any], write_npz: Callable[..., str]) -> None:
    labels = np.array(["cat", "dog", "", "", "", ""])
    with pytest.raises(ConfigurationError, match="no class has two samples to hold one out of. Give --test"):
        begin(embeddings=write_npz(labels=labels, splits=None), budget=2, batch=1)


def test_a_test_file_and_a_test_split_add_up(
    begin: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "test.csv").write_text(LABELS + "sample-3,dog\n")
    campaign = begin(embeddings=write_npz(), test=str(tmp_path / "test.csv"), budget=2, batch=1)
    assert truth(campaign) == {"sample-0": "cat", "sample-1": "dog", "sample-2": "cat", "sample-3": "dog"}
    campaign.run_cycle()
    campaign.run_until("evaluate")
    assert campaign.work.read_json("metrics.json")["test_samples"] == 3


@pytest.mark.parametrize("row", [0, 2], ids=["test", "val"])
@pytest.mark.parametrize("test", [True, False], ids=["test file", "no test file"])
def test_a_marked_sample_without_a_label_is_refused(
    begin: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path, row: int, test: bool
) -> None:
    labels = np.array(["cat", "dog"] * 3)
    labels[row] = ""
    (tmp_path / "test.csv").write_text(LABELS + "sample-3,dog\n")
    with pytest.raises(InputError, match=f"test or val sample 'sample-{row}' has no label"):
        begin(embeddings=write_npz(labels=labels), test=str(tmp_path / "test.csv") if test else None, budget=2, batch=1)


def test_a_copy_of_a_test_image_is_set_aside(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    shutil.copyfile(images / "red" / "00.png", images / "red" / "copy.png")
    campaign = begin_on_images(images=str(images))
    assert "1 pool images overlap the test set" in capsys.readouterr().err
    assert "red/copy.png" not in splits(campaign)
    table = read_table(open_store(campaign.root), campaign.state.campaign.quarantine, QUARANTINE)
    assert table.to_pylist()[0]["reason"] == "the same image as the test sample 'red/00.png'"


def test_the_same_request_twice_changes_nothing(begin_on_images: Callable[..., Any]) -> None:
    before = begin_on_images().files()
    assert begin_on_images().files() == before


def test_a_recipe_may_count_its_batch_in_classes(begin: Callable[..., Any], tmp_path: Path) -> None:
    made = begin(recipe="dropquery", batch=None).state.campaign
    assert (made.batch, made.initial) == (3, 3)
    made = begin(str(tmp_path / "two"), recipe="dropquery", batch=None, overrides={"batch_per_class": 2}, initial=4)
    assert (made.state.campaign.batch, made.state.campaign.initial) == (6, 4)
    made = begin(str(tmp_path / "named"), recipe="dropquery", batch=5)
    assert (made.state.campaign.batch, made.state.campaign.initial) == (5, 5)
    made = begin(str(tmp_path / "budget"), recipe="linear_probe", batch=None, budget=40)
    assert (made.state.campaign.batch, made.state.campaign.initial) == (4, 4)


def test_the_same_request_without_a_batch_changes_nothing(begin: Callable[..., Any]) -> None:
    before = begin(recipe="dropquery", batch=None).files()
    assert begin(recipe="dropquery", batch=None).files() == before
    with pytest.raises(CampaignError, match="another batch"):
        begin(recipe="dropquery", batch=4)


def test_the_same_request_after_an_amendment(embeddings: Path, tmp_path: Path) -> None:
    root, settings = str(tmp_path / "campaign"), CampaignSettings(embeddings=str(embeddings), budget=24, batch=8)
    assert begin_campaign(root, settings).created and not begin_campaign(root, settings).amended
    amend_campaign(open_store(root), WantedChanges(budget=40), "")
    again = begin_campaign(root, settings)
    assert again.amended and not again.created and again.campaign.budget == 24
    with pytest.raises(CampaignError, match=r"began with another budget, 24\. .*change it with labelcycle amend"):
        begin_campaign(root, settings.model_copy(update={"budget": 40}))


def test_the_default_recipe_can_balance_classes(begin: Callable[..., Any]) -> None:
    campaign = begin(recipe="uherding", overrides={"selector.class_balanced": True}, budget=18, batch=9)
    for _ in range(2):
        campaign.run_cycle()
    predicted = table_in(campaign.work.read("query.parquet"))["predicted"].to_pylist()
    assert sorted(predicted.count(name) for name in campaign.work.campaign.classes) == [3, 3, 3]


@pytest.mark.parametrize("change", [{"budget": 30}, {"recipe": "random"}, {"seed": 1}, {"label_price": 2.0}], ids=str)
def test_another_request_for_the_same_root_is_refused(begin: Callable[..., Any], change: dict[str, Any]) -> None:
    before = begin().files()
    with pytest.raises(CampaignError, match="already belongs to campaign 'campaign-"):
        begin(**change)
    campaign = {key: data for key, data in before.items() if key == "campaign.json"}
    assert campaign.items() <= before.items()


def test_other_embeddings_for_the_same_root_leave_its_labels_alone(
    begin: Callable[..., Any], embeddings: Path, tmp_path: Path
) -> None:
    campaign = begin()
    before = campaign.files()
    content = dict(np.load(embeddings))
    np.savez(tmp_path / "other.npz", **(content | {"labels": np.roll(content["labels"], 20)}))
    with pytest.raises(CampaignError, match="whose settings or data differ"):
        begin(embeddings=str(tmp_path / "other.npz"))
    assert before.items() <= campaign.files().items()


def test_objects_have_the_digests_that_the_campaign_names(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    described = campaign.state.campaign
    for reference in (described.pool, described.truth, described.quarantine, described.backbone.weights):
        assert digest_of_bytes(open_store(campaign.root).read(reference.key)) == reference.sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 49, "budget": 60}, "--batch 49 is larger than the pool of 48 samples"),
        (
            {"budget": 490, "batch": None},
            r"--batch 49 \(a tenth of --budget where nobody says\) is larger than the pool of 48 samples",
        ),
        ({"initial": 49, "budget": 60}, "--initial 49 is larger than the pool"),
        ({"batch": 9, "budget": 8}, "--batch 9 is larger than --budget 8"),
        ({"batch": 0}, "--batch must be 1 or more; got 0"),
        ({"initial": 0}, "--initial must be 1 or more; got 0"),
        ({"embeddings": None}, "either --images or --embeddings"),
        ({"images": "somewhere"}, "either --images or --embeddings"),
        ({"recipe": "peal_entropy", "overrides": {}}, "'peal_entropy' trains on images and cannot use embeddings"),
        ({"recipe": "unknown"}, "There is no recipe 'unknown'"),
        ({"overrides": {"trainer.epoch": 3}}, "trainer.epoch: unknown setting"),
        ({"overrides": {"selector.strategy": "dice"}}, "no strategy 'dice'"),
        ({"name": "bad name"}, "name: "),
        ({"classes": ["blue", "green", "red", "red"]}, "names a class twice"),
        ({"classes": ["blue", "green", "red", ""]}, "class '' is empty"),
        ({"overrides": {"cold_start.strategy": "entropy"}}, "cold_start.strategy 'entropy' needs probs"),
        ({"recipe": "random", "overrides": {"selector.class_balanced": True}}, "no parameter class_balanced"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_settings_that_cannot_be_are_refused(
    begin: Callable[..., Any], embeddings: Path, change: dict[str, Any], message: str
) -> None:
    data = {} if "images" not in change else {"embeddings": str(embeddings)}
    with pytest.raises(ConfigurationError, match=message):
        begin(**(data | change))


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("nobody.png,red\n", {}, "row 2: no sample, or more than one, is called 'nobody.png'"),
        ("red/05.png,purple\n", {"classes": ["blue", "green", "red"]}, "row 2: 'purple' is not one of"),
        ("red/05.png,red\nred/05.png,blue\n", {}, "row 3: 'red/05.png' is 'blue' here but 'red' in row 2"),
    ],
    ids=["unknown id", "unknown class", "disagreement"],
)
@pytest.mark.parametrize("flag", ["labels_from", "test"])
def test_wrong_labels_are_refused_before_anything_is_written(
    begin_on_images: Callable[..., Any], tmp_path: Path, flag: str, content: str, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "wrong.csv").write_text(LABELS + content)
    with pytest.raises(InputError, match=message):
        begin_on_images(**{flag: str(tmp_path / "wrong.csv")}, **settings)
    assert not (tmp_path / "campaign").exists()


def test_one_class_in_two_spellings_in_two_files_is_refused(
    begin_on_images: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "test.csv").write_text(LABELS + "red/05.png,Red\n")
    with pytest.raises(InputError, match=r"'red' and 'Red' \('red/05.png'\) differ only in case. Write one"):
        begin_on_images(test=str(tmp_path / "test.csv"))


def test_a_test_set_of_the_whole_pool_is_refused(begin_on_images: Callable[..., Any], pictures: Any) -> None:
    with pytest.raises(InputError, match="The pool is empty: every sample belongs to the test set"):
        begin_on_images(test=str(pictures.labels))


def test_no_test_set_and_no_labels(begin_on_images: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    begin_on_images(test=None, labels_from=None, classes=["blue", "green", "red"])
    assert "There is no test set: accuracy will be a cross-validated estimate" in capsys.readouterr().err


def test_one_class_is_not_enough(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(LABELS + "red/00.png,red\n")
    with pytest.raises(ConfigurationError, match=r"two classes or more; found \['red'\]. Name them with --classes"):
        begin_on_images(test=str(tmp_path / "test.csv"), labels_from=None)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_unreadable_images_are_set_aside_up_to_the_share(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path, share: float
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    for number in range(2):
        (images / f"broken-{number}.png").write_bytes(b"no image")
    if share < 2 / 62:
        with pytest.raises(InputError, match=r"2 of 62 images .* first 'broken-0.png': not an image of a format"):
            begin_on_images(images=str(images), max_unreadable=share)
    else:
        campaign = begin_on_images(images=str(images), max_unreadable=share)
        assert len(splits(campaign)) == 60


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_folders_without_images_are_refused(begin_on_images: Callable[..., Any], tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    message = "is not a folder" if folder == "missing" else r"holds no image \(.jpg"
    with pytest.raises((ConfigurationError, InputError), match=message):
        begin_on_images(images=str(tmp_path / folder))


def test_a_backbone_without_the_adapters_layers_is_refused(begin_on_images: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="has no linear layer named 'query' for the adapter"):
        begin_on_images(recipe="peal_entropy", overrides={"trainer.target": "query"})


def test_odd_file_names_are_samples(begin: Callable[..., Any], tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    names = ["a b.png", "ünï.PNG", "#1.jpg", 'quo"te,comma.webp']
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(images / name)
    (tmp_path / "test.csv").write_text(LABELS + "a b.png,x\n#1.jpg,y\n")
    campaign = begin(images=str(images), test=str(tmp_path / "test.csv"), budget=2, batch=2)
    assert sorted(splits(campaign)) == sorted(names)
    assert campaign.run_cycle().query_size == 2


def test_a_name_that_cannot_be_an_id_sets_one_file_aside(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    picture = next(images.glob("red/*.png"))
    for name in ("bad\nname.png", "copy.png"):
        shutil.copy(picture, images / name)
    shutil.copy(picture, os.fsencode(images) + b"/latin-\xe9.png")
    (images / "notes.md").write_text("About these images.")
    campaign = begin_on_images(images=str(images), max_unreadable=0.1)
    assert len(splits(campaign)) == 61
    told = capsys.readouterr().err
    assert "passed over files with other endings: .md 1." in told
    assert "1 of 61 images are copies of others, first " in told
    store = open_store(campaign.root)
    aside = read_table(store, campaign.state.campaign.quarantine, QUARANTINE).to_pylist()
    assert [row["sample_id"] for row in aside] == ["bad\nname.png", "latin-\\udce9.png"]
    assert all("control characters or bytes that are not UTF-8" in row["reason"] for row in aside)


def test_a_single_shot_asks_for_the_whole_budget_at_once(begin: Callable[..., Any], tmp_path: Path) -> None:
    at_once = {"cold_start.strategy": "activeft", "cold_start.single_shot": True}
    campaign = begin(overrides=at_once)
    assert campaign.state.campaign.initial == 24
    assert campaign.run_cycle().query_size == 24 and campaign.run_cycle().query_size == 0
    assert campaign.state.why_done == "the budget of 24 labels is spent"
    with pytest.raises(ConfigurationError, match="the whole budget of 24 at once.*Leave --initial out"):
        begin(str(tmp_path / "other"), overrides=at_once, initial=8)


def label_file(path: Path, rows: dict[str, str]) -> str:
    path.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in rows.items()))
    return str(path)


def test_a_validation_split_of_images(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    val = {f"{name}/{row:02d}.png": name for name in ("blue", "red") for row in (10, 11)}
    campaign = begin_on_images(val=label_file(tmp_path / "val.csv", val))
    assert {name for name, split in splits(campaign).items() if split == "val"} == val.keys()
    assert val.items() <= truth(campaign).items() and len(truth(campaign)) == 16


def test_a_sample_is_not_in_two_splits(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    val = label_file(tmp_path / "val.csv", {"blue/00.png": "blue"})
    with pytest.raises(InputError, match="'blue/00.png' is in .*val.csv and in the test set"):
        begin_on_images(val=val)


def test_a_validation_split_is_no_test_set(
    begin_on_images: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    val = label_file(tmp_path / "val.csv", {"blue/00.png": "blue"})
    begin_on_images(val=val, test=None, labels_from=None, classes=["blue", "green", "red"])
    assert "There is no test set" in capsys.readouterr().err


def test_an_empty_validation_split_is_refused(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="val.csv names no usable labelled sample"):
        begin_on_images(val=label_file(tmp_path / "val.csv", {}))


def test_comparing_on_a_validation_split_needs_one(begin_on_images: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="holdout .*there is none. Give --val FILE"):
        begin_on_images(overrides={"alignment.mode": "holdout"})


def test_making_features_anew_needs_images_but_a_final_model_alone_does_not(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="recomputes features from images .*cannot use embeddings"):
        begin(overrides={"alignment": {}})
    assert begin(overrides={"final": {"trainer": {"name": "ft"}}}).state.campaign.backbone is None
