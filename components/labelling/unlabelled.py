"""Cells that say that a sample is not labelled: empty ones, and what programs and people write for a missing label."""

from collections import Counter
from collections.abc import Collection, Mapping

MARKS = frozenset({"nan", "-1", "-1.0", "-1,0", "?", "<na>", "#n/a"})
"""In lower case: pandas and numpy write NaN and <NA>, scikit-learn -1, spreadsheets #N/A, people a question mark."""


def is_no_label(text: str, classes: Collection[str] | None) -> bool:
    """Whether a cell without spaces around it holds no label. A class that is named is one, whatever it is called."""
    return not text or (text.lower() in MARKS and (classes is None or text not in classes))


def unlabelled_in_words(counts: Mapping[str, int], rows: int) -> str:
    """How many of so many rows are not labelled and why, such as `3 of 9 rows are not labelled: 2 empty, 1 'nan'`.

    Args:
        counts: of rows, by what stands in the label's place.
        rows: of all.
    """
    total = sum(counts.values())
    reasons = ", ".join(f"{count:,} {repr(text) if text else 'empty'}" for text, count in Counter(counts).most_common())
    remedy = ". If that is a class, name it with --classes" if any(counts) else ""
    return f"{total:,} of {rows:,} rows {'is' if total == 1 else 'are'} not labelled: {reasons}{remedy}"
