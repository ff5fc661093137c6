"""What a query was worth: how many of its samples the model of that time had wrong."""

from typing import Any

import pyarrow as pa


def known_unknown(query: pa.Table, labelled: dict[str, str]) -> dict[str, Any]:
    """Count the picks that the model got wrong (unknown) and right (known), and their ratio.

    Args:
        query: the committed query, with the class that the model predicted when it asked.
        labelled: the class that people gave, by id.

    Returns:
        `unknown`, `known`, and `known_unknown_ratio` = unknown / known, higher is better; None where nothing was known,
        or where no model had predicted yet (cold start).

    Source: PEAL, figure 1.
    """
    rows = zip(query["sample_id"].to_pylist(), query["predicted"].to_pylist(), strict=True)
    judged = [predicted == labelled[name] for name, predicted in rows if predicted is not None and name in labelled]
    known, unknown = sum(judged), len(judged) - sum(judged)
    return {"known": known, "unknown": unknown, "known_unknown_ratio": unknown / known if known else None}
