"""A new database of SQLite for MLflow, made in one go."""

import os
import warnings
from pathlib import Path

from labelcycle.components.tracking.location import TrackingLocation, sqlite_file


def make_database(location: TrackingLocation) -> None:
    """Make MLflow's database of SQLite, unless it is there.

    MLflow makes it in nearly seventy steps, and SQLite forces each to disk. Here it is made aside without that, forced
    to disk once, and put in its place whole.

    Args:
        location: whose lock is held.
    """
    path = sqlite_file(location.uri)
    if path is None or path.exists():
        return
    import sqlalchemy
    from mlflow.store.db.utils import _initialize_tables

    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    engine = sqlalchemy.create_engine(sqlalchemy.URL.create("sqlite", database=str(aside)))

    @sqlalchemy.event.listens_for(engine, "connect")
    def unforced(connection: object, record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]

    try:
        with warnings.catch_warnings(action="ignore"):  # of MLflow's own steps, whose files have names of their own
            _initialize_tables(engine)
    finally:
        engine.dispose()
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    _put_in_place(aside, path)


def _put_in_place(aside: Path, path: Path) -> None:
    """Give the database its name, unless another program has made one by now."""
    try:
        os.link(aside, path)
    except FileExistsError:
        aside.unlink()
    except OSError:  # a file system without hard links
        aside.replace(path)
    else:
        aside.unlink()
