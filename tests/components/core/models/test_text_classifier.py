"""A classifier made of words: its probabilities by hand, and files that hold none."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from labelcycle.components.core.config.zero_shot import ZeroShot
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.models.text_classifier import TextClassifier, read_text_classifier
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import ObjectReference


@pytest.fixture
def classifier() -> TextClassifier:
    generator = np.random.default_rng(0)
    texts = generator.normal(size=(3, 4)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    projection, offset = generator.normal(size=(5, 4)), generator.normal(size=4)
    return TextClassifier(projection.astype(np.float32), offset.astype(np.float32), texts, np.array([7], np.float32))


def test_probabilities_by_hand(classifier: TextClassifier) -> None:
    features = np.random.default_rng(1).normal(size=(5000, 5)).astype(np.float16)
    images = features.astype(np.float64) @ classifier.projection + classifier.offset
    cosines = images @ classifier.texts.T / np.linalg.norm(images, axis=1, keepdims=True)
    expected = np.exp(7 * cosines) / np.exp(7 * cosines).sum(axis=1, keepdims=True)
    found = classifier.probabilities(features)
    assert found.dtype == np.float32 and np.abs(found - expected).max() < 1e-5
    assert np.array_equal(classifier.probabilities(features[:10]), found[:10])


def test_an_image_that_is_nowhere_may_be_of_any_class(classifier: TextClassifier) -> None:
    nowhere = TextClassifier(0 * classifier.projection, 0 * classifier.offset, classifier.texts, classifier.scale)
    assert np.allclose(nowhere.probabilities(np.ones((2, 5), np.float16)), 1 / 3)


def test_it_is_kept_as_it_is(classifier: TextClassifier) -> None:
    again = TextClassifier.from_bytes(classifier.to_bytes())
    for name in ("projection", "offset", "texts", "scale"):
        assert np.array_equal(getattr(again, name), getattr(classifier, name))


def test_features_of_another_width_are_refused(classifier: TextClassifier) -> None:
    with pytest.raises(CampaignError, match="features of width 5, not 6"):
        classifier.probabilities(np.ones((2, 6), np.float16))


@pytest.mark.parametrize(
    "change",
    [{"texts": None}, {"more": np.ones(2)}, {"offset": np.ones(3)}, {"texts": np.ones(4)}, {"scale": np.ones(2)}],
)
def test_other_files_are_refused(classifier: TextClassifier, change: dict[str, np.ndarray | None]) -> None:
    tensors = {name: getattr(classifier, name) for name in ("projection", "offset", "texts", "scale")} | change
    data = save({name: value for name, value in tensors.items() if value is not None})
    with pytest.raises(CampaignError, match="These are not the texts of classes"):
        TextClassifier.from_bytes(data)


def test_texts_of_another_number_of_classes_are_refused(classifier: TextClassifier, tmp_path: Path) -> None:
    store, data = open_store(str(tmp_path)), classifier.to_bytes()
    reference = ObjectReference(key="weights/text/a.safetensors", sha256=hashlib.sha256(data).hexdigest())
    store.write(reference.key, data)
    kept = ZeroShot(model="x", files={}, prompts=["{class}"], classes=["a", "b"], classifier=reference)
    with pytest.raises(CampaignError, match="has texts of 3 classes, not of 2"):
        read_text_classifier(store, kept)
    assert read_text_classifier(store, kept.model_copy(update={"classes": ["a", "b", "c"]})).texts.shape == (3, 4)
