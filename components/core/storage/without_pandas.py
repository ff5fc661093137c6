"""Keeps pyarrow from importing pandas, in processes that run labelcycle and nothing else.

With the first array that is made of Python values pyarrow imports pandas, only to ask whether these are pandas' own,
which takes as long as everything else that a small stage does.
"""

import sys

_asked_for = False


class _NoPandas:
    """A finder of modules by which there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def spare_pandas() -> None:
    """Let pyarrow take pandas for not installed in this process, from when it is imported; `to_pandas` does not work.

    Others may import pandas all the same.
    """
    global _asked_for
    _asked_for = True
    if "pyarrow" in sys.modules:
        arrow_is_there()


def arrow_is_there() -> None:
    """Do what `spare_pandas` has asked for, now that pyarrow is imported, unless pandas is imported already."""
    if not _asked_for or "pandas" in sys.modules:
        return
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)
