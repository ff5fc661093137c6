"""The digits as files: images, labels and pixels that agree, written once."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from labelcycle.pipelines.demo.digits import write_digits


def rows(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["sample_id"]: row["label"] for row in csv.DictReader(file)}


def test_files_agree_and_a_write_cut_short_is_done_again(tmp_path: Path) -> None:
    write_digits(tmp_path)
    pool, test = rows(tmp_path / "labels.csv"), rows(tmp_path / "test.csv")
    assert (len(pool), len(test), len(pool.keys() & test.keys())) == (1258, 539, 0)
    with np.load(tmp_path / "pixels.npz") as content:
        ids, features, labels, splits = (content[name] for name in ("ids", "features", "labels", "splits"))
    assert dict(zip(ids.tolist(), labels.tolist(), strict=True)) == pool | test
    assert set(ids[splits == "test"]) == test.keys()
    image = np.asarray(Image.open(tmp_path / "images" / ids[7]))
    assert np.array_equal(image, (features[7].reshape(8, 8) * 255 / 16).round())

    (tmp_path / "test.csv").unlink()
    write_digits(tmp_path)
    assert not (tmp_path / "test.csv").exists(), "what is there already is left alone"
    (tmp_path / "pixels.npz").unlink()
    write_digits(tmp_path)
    assert rows(tmp_path / "test.csv") == test
