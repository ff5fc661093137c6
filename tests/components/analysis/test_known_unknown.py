"""What a query was worth."""

import pyarrow as pa
import pytest

from labelcycle.components.analysis.accuracy import known_unknown
from labelcycle.components.core.campaign.summary import KnownUnknown


@pytest.mark.parametrize(
    ("predicted", "known", "unknown", "ratio"),
    [
        (["cat", "cat", "cat", "cat"], 1, 2, 2.0),
        (["cat", "dog", "dog", "cat"], 3, 0, 0.0),
        (["dog", "cat", "cat", "owl"], 0, 3, None),
        ([None, None, None, None], 0, 0, None),
        ([None, "dog", "cat", None], 1, 1, 1.0),
    ],
    ids=["some", "all known", "none known", "cold start", "partly predicted"],
)
def test_picks_are_counted(predicted: list[str | None], known: int, unknown: int, ratio: float | None) -> None:
    """The fourth pick was skipped, so it counts nowhere."""
    query = pa.table({"sample_id": ["a", "b", "c", "skipped"], "predicted": pa.array(predicted, pa.string())})
    labelled = {"a": "cat", "b": "dog", "c": "dog", "of another query": "cat"}
    assert known_unknown(query, labelled) == KnownUnknown(known=known, unknown=unknown, known_unknown_ratio=ratio)


def test_an_empty_query() -> None:
    query = pa.table({"sample_id": pa.array([], pa.string()), "predicted": pa.array([], pa.string())})
    assert known_unknown(query, {}) == KnownUnknown(known=0, unknown=0, known_unknown_ratio=None)
