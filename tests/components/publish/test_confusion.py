"""The confusion matrix: colours by row, bounded size for any number of classes, names that cannot break it."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from labelcycle.components.publish import charts as confusion
from labelcycle.components.publish.charts import draw_confusion, shortened

pytestmark = pytest.mark.draws


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def decoded(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return picture.convert("RGB")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn, to look at what they hold."""
    figures: list[Figure] = []
    encode = confusion.as_png

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return encode(figure)

    monkeypatch.setattr(confusion, "as_png", keep)
    return figures


@pytest.mark.parametrize("count", [2, 10, 15, 16, 41, 200, 201, 1000])
def test_the_size_is_bounded_for_any_number_of_classes(count: int) -> None:
    picture = decoded(draw_confusion(np.eye(count, dtype=int).tolist(), names(count)))
    assert 400 <= picture.width <= 1260
    assert 400 <= picture.height <= 1140


def test_long_names_do_not_make_the_picture_larger_or_squeeze_the_matrix(drawn: list[Figure]) -> None:
    counts = [[5, 1], [0, 7]]
    short = decoded(draw_confusion(counts, ["cat", "dog"]))
    long = decoded(draw_confusion(counts, ["c" * 5000, "d\n" * 300]))
    assert long.size == short.size
    assert drawn[-1].axes[0].get_window_extent().width > 0.35 * long.width
    assert all(len(label.get_text()) <= 18 for label in drawn[-1].axes[0].get_yticklabels())


def test_colours_are_shares_of_the_row(drawn: list[Figure]) -> None:
    draw_confusion([[1, 3], [0, 50]], ["rare", "common"])
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array(), [[0.25, 0.75], [0.0, 1.0]])


def test_a_class_without_test_samples_is_an_empty_row(drawn: list[Figure]) -> None:
    draw_confusion([[0, 0], [2, 2]], ["absent", "present"])
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array(), [[0.0, 0.0], [0.5, 0.5]])


def test_counts_are_written_up_to_fifteen_classes(drawn: list[Figure]) -> None:
    counts = (7 * np.eye(16, dtype=int)).tolist()
    draw_confusion([row[:15] for row in counts[:15]], names(15))
    draw_confusion(counts, names(16))
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["7"] * 15
    assert not drawn[1].axes[0].texts


@pytest.mark.parametrize(("count", "text"), [(9_999, "9999"), (12_345, "12k"), (20_000_000, "20M")])
def test_large_counts_are_written_briefly(drawn: list[Figure], count: int, text: str) -> None:
    draw_confusion([[count, 0], [0, 1]], ["cat", "dog"])
    assert drawn[0].axes[0].texts[0].get_text() == text


def test_many_classes_are_named_at_intervals(drawn: list[Figure]) -> None:
    draw_confusion(np.eye(100, dtype=int).tolist(), names(100))
    labels = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert labels[:2] == ["class 0", "class 3"]
    assert len(labels) <= 40


def test_thousands_of_classes_share_cells_without_losing_a_sample(drawn: list[Figure]) -> None:
    counts = np.zeros((1000, 1000), dtype=int)
    counts[7, 998] = 4
    draw_confusion(counts.tolist(), names(1000))
    shares = drawn[0].axes[0].images[0].get_array()
    assert shares.shape == (200, 200)
    assert shares[1, 199] == 1.0
    assert shares.sum() == 1.0
    assert "5 neighbouring classes" in drawn[0].axes[0].get_xlabel()


@pytest.mark.parametrize("name", ["$x_{$", "\\frac{", "<script>", "猫 🐈", "tab\tand\nline", "%s {0}"])
def test_names_are_text_and_never_formulas(drawn: list[Figure], name: str) -> None:
    decoded(draw_confusion([[5, 1], [0, 7]], [name, "dog"]))
    assert drawn[0].axes[0].get_xticklabels()[0].get_text() == " ".join(name.split())


def test_the_same_matrix_gives_the_same_bytes_and_another_does_not() -> None:
    first = draw_confusion([[5, 1], [0, 7]], ["cat", "dog"])
    assert first == draw_confusion([[5, 1], [0, 7]], ["cat", "dog"])
    assert first != draw_confusion([[5, 1], [1, 7]], ["cat", "dog"])
    assert set(Image.open(io.BytesIO(first)).info) <= {"dpi"}


def test_shortening_keeps_both_ends() -> None:
    assert shortened("short", 18) == "short"
    cut = shortened("Canis lupus familiaris 12", 12)
    assert len(cut) == 12
    assert cut.startswith("Canis") and cut.endswith("12") and "…" in cut
