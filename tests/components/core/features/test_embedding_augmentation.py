"""Embedding augmentation against equations 8 and 9 written out, and the map from texts to images."""

import numpy as np
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.embedding_augmentation import (
    TextMap,
    attention,
    augment_embeddings,
    fit_text_map,
)


def vectors(count: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width))


def test_each_embedding_moves_as_printed() -> None:
    images, texts, step = vectors(9, 4), vectors(9, 4, seed=1) * 3, 0.4
    cosines = [
        float(image @ text / np.linalg.norm(image) / np.linalg.norm(text))
        for image, text in zip(images, texts, strict=True)
    ]
    weights = [np.exp(cosine) / sum(np.exp(other) for other in cosines) for cosine in cosines]
    expected = [
        image - step * 9 * weight * (image - text) for image, text, weight in zip(images, texts, weights, strict=True)
    ]
    np.testing.assert_allclose(attention(images, texts), weights, rtol=1e-6)
    np.testing.assert_allclose(augment_embeddings(images, texts, step), expected, rtol=1e-4, atol=1e-5)


def test_attention_over_many_blocks_adds_up_to_one() -> None:
    images, texts = vectors(5000, 3), vectors(5000, 3, seed=1)
    weights = attention(images.astype(np.float16), texts.astype(np.float32))
    assert weights.sum() == pytest.approx(1)
    cosines = (images * texts).sum(axis=1) / np.linalg.norm(images, axis=1) / np.linalg.norm(texts, axis=1)
    np.testing.assert_allclose(weights, np.exp(cosines) / np.exp(cosines).sum(), rtol=5e-3)


def test_step_0_changes_nothing_and_equal_cosines_at_1_arrive() -> None:
    images, texts = vectors(6, 4), vectors(6, 4, seed=1)
    np.testing.assert_allclose(augment_embeddings(images, texts, 0), images, rtol=1e-6)
    np.testing.assert_allclose(augment_embeddings(images, 2 * images, 1), 2 * images, rtol=1e-5)


def test_vectors_of_zeros() -> None:
    zeros = np.zeros((3, 4), np.float16)
    assert attention(zeros, zeros) == pytest.approx([1 / 3] * 3)
    assert not augment_embeddings(zeros, zeros).any()


@pytest.mark.parametrize("ridge", [1e-3, 0.5])
def test_the_map_is_a_ridge_regression_with_an_offset(ridge: float) -> None:
    texts = vectors(5000, 6) * [1, 2, 3, 1, 1, 1] + 5
    images = texts @ vectors(6, 3, seed=1) + vectors(5000, 3, seed=2) - 2
    found = fit_text_map(texts, images, ridge)
    centred_texts, centred_images = texts - texts.mean(axis=0), images - images.mean(axis=0)
    penalty = ridge * centred_texts.var(axis=0).mean() * 5000
    weight = np.linalg.solve(centred_texts.T @ centred_texts + penalty * np.eye(6), centred_texts.T @ centred_images)
    np.testing.assert_allclose(found.weight, weight, atol=1e-4)
    np.testing.assert_allclose(found(texts).mean(axis=0), images.mean(axis=0), atol=1e-3)


def test_other_widths_go_through_the_map() -> None:
    texts = vectors(40, 6)
    text_map = TextMap(vectors(6, 4, seed=1).astype(np.float32), np.ones(4, np.float32))
    images = vectors(40, 4, seed=2)
    through = augment_embeddings(images, texts, 0.3, text_map)
    np.testing.assert_allclose(through, augment_embeddings(images, text_map(texts), 0.3), atol=1e-5)
    with pytest.raises(InputError, match="Text embeddings have 6 columns, image embeddings 4. Fit a map"):
        augment_embeddings(images, texts)


def test_constant_texts_map_to_the_mean_image() -> None:
    images = vectors(10, 3)
    found = fit_text_map(np.ones((10, 5)), images)
    np.testing.assert_allclose(found(np.ones((1, 5)))[0], images.mean(axis=0), atol=1e-6)


def test_other_numbers_of_texts_are_refused() -> None:
    for function in (augment_embeddings, fit_text_map):
        with pytest.raises(InputError, match="5 image embeddings but 4 text embeddings|There are"):
            if function is fit_text_map:
                fit_text_map(vectors(4, 3), vectors(5, 3))
            else:
                augment_embeddings(vectors(5, 3), vectors(4, 3))
