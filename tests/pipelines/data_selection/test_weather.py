"""Test sets as in snow, in fog or out of focus."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.bench.methods.images import Images
from tests.bench.methods.weather import CORRUPTIONS, accuracy_on, under_weather

SCENE = np.kron(np.random.default_rng(1).integers(0, 200, (16, 16, 3)), np.ones((4, 4, 1))).astype(np.uint8)


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
def test_copies_are_worse_the_more_severe_and_the_same_again(kind: str) -> None:
    copies = [CORRUPTIONS[kind](SCENE, severity, np.random.default_rng(0)) for severity in (1, 3, 5, 5)]
    away = [float(np.abs(copy.astype(float) - SCENE).mean()) for copy in copies]
    assert 0 < away[0] < away[1] < away[2] == away[3]
    assert all(copy.shape == SCENE.shape and copy.dtype == np.uint8 for copy in copies)
    assert copies[2].std() > 5


def test_snow_is_bright_fog_is_pale_and_blur_has_no_edges() -> None:
    made = {name: corrupt(SCENE, 5, np.random.default_rng(0)).astype(float) for name, corrupt in CORRUPTIONS.items()}
    assert (made["snow"] > 250).mean() > 0.01 > (SCENE > 250).mean()
    assert made["fog"].std() < SCENE.std()
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 255
    assert np.abs(np.diff(CORRUPTIONS["blur"](edge, 5, np.random.default_rng(0)).astype(float), axis=1)).max() < 100


def test_a_share_of_the_test_set_is_copied_and_measured(
    begin_on_small_network: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    images = Images(pictures.images, pictures.labels, pictures.test, "pictures")
    snowy, foggy = (under_weather(images, tmp_path / kind, kind, share=0.5) for kind in ("snow", "fog"))
    assert len(snowy.test.read_text().splitlines()) == 7 and snowy.test.read_text() == foggy.test.read_text()
    name = snowy.test.read_text().splitlines()[1].split(",")[0]
    with Image.open(snowy.folder / name) as copy:
        assert copy.size == (32, 32)
    campaign = begin_on_small_network()
    campaign.run_cycle()
    campaign.run_cycle()
    measured = accuracy_on(campaign.root, images)
    assert measured == pytest.approx(campaign.state.summaries[-1].accuracy)
    assert 0 <= accuracy_on(campaign.root, snowy) <= 1
