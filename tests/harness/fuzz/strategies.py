"""Inputs as hypothesis draws them: damaged examples of a target, and content that is nearly valid."""

from random import Random

from hypothesis import strategies as st

from tests.harness.fuzz.mutation import generated
from tests.harness.fuzz.target import Target


@st.composite
def damaged_examples(draw: st.DrawFn, target: Target) -> bytes:
    """A mutated example of what the target reads."""
    random: Random = draw(st.randoms(use_true_random=False))
    return generated(target, random)


IDS = st.sampled_from(["a.png", "sub/b.png", "b", "./a.png", "/data/a.png", "nobody.png", "ä d", ""])
WORDS = IDS | st.sampled_from(["cat", "dög", "ok", "skip", "unsure", "7", "NaN"]) | st.text(max_size=8)
NAMES = st.sampled_from(
    ["sample_id", "label", "annotator", "time", "status", "id", "image", "class", "caption", "group"]
)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """CSV with known and unknown columns, rows of about the right length, quotes and line ends of all kinds."""
    header = draw(st.lists(NAMES | st.text(max_size=5), min_size=1, max_size=5))
    row = st.lists(WORDS, min_size=len(header), max_size=len(header)) | st.lists(WORDS, max_size=6)
    rows = draw(st.lists(row, max_size=5))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quote = _quoted if draw(st.booleans()) else str
    text = end.join(",".join(map(quote, cells)) for cells in [header, *rows])
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + text.encode(errors="surrogatepass")


KEYS = st.sampled_from(
    [
        "id",
        "data",
        "annotations",
        "completions",
        "result",
        "value",
        "choices",
        "type",
        "from_name",
        "completed_by",
        "email",
        "updated_at",
        "created_at",
        "was_cancelled",
        "sample_id",
        "image",
        "label",
        "annotator",
        "annotation_id",
        "doubt",
        "created_username",
        "images",
        "categories",
        "image_id",
        "category_id",
        "file_name",
        "name",
        "status",
        "time",
        "url",
        "tasks",
    ]
)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.sampled_from(["choices", "http://["])
JSON = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
