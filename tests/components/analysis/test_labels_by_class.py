"""Labels a class, and what is said of classes with few or none."""

import pytest

from labelcycle.components.analysis.labels_by_class import REMEDY, class_warnings, labels_by_class
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.pipelines.recipes.catalogue import recipe_path


def test_every_class_is_counted_those_without_labels_too() -> None:
    assert labels_by_class(["cat", "dog", "cat"], ["dog", "cat", "eel"]) == {"dog": 1, "cat": 2, "eel": 0}


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, []),
        ({"cat": 9, "dog": 1}, []),
        ({"cat": 9, "dog": 0}, ["1 class has no label yet, so the model never says 'dog'."]),
        ({"cat": 10, "dog": 1}, ["Labels a class differ widely: from 1 (dog) to 10 (cat)."]),
        (
            {"cat": 1, **dict.fromkeys("abcdef", 0)},
            ["6 classes have no label yet, so the model never says 'a', 'b', 'c', 'd', 'e' or 1 other."],
        ),
        (
            {"cat": 1, **dict.fromkeys("abcdefg", 0)},
            ["7 classes have no label yet, so the model never says 'a', 'b', 'c', 'd', 'e' or 2 others."],
        ),
    ],
)
def test_what_is_said(counts: dict[str, int], words: list[str]) -> None:
    recipe = read_recipe(recipe_path("uherding"), {"selector.rare_classes": 0.5})
    assert class_warnings(counts, recipe) == words
    recipe = read_recipe(recipe_path("uherding"))
    assert class_warnings(counts, recipe) == words + ([REMEDY] if words else [])
