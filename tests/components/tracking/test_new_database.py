"""The database that is made aside is the one that MLflow would have made."""

import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from labelcycle.components.tracking.location import TrackingLocation
from labelcycle.components.tracking.new_database import make_database

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of MLflow's own tables


def schema(path: Path) -> list[tuple[str, str, list[str]]]:
    """Kind and name of everything, with the lines that say what it is: constraints stand in no order of their own."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name")
        return [(kind, name, sorted(line.strip(" \t,") for line in sql.splitlines())) for kind, name, sql in found]


def at(path: Path) -> TrackingLocation:
    return TrackingLocation(f"sqlite:///{path}", f"sqlite:///{path}", None, None)


def test_its_tables_are_those_of_mlflow(tmp_path: Path) -> None:
    make_database(at(tmp_path / "ours.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["ours.db"]
    mlflow.MlflowClient(f"sqlite:///{tmp_path / 'theirs.db'}").search_experiments()
    assert schema(tmp_path / "ours.db") == schema(tmp_path / "theirs.db")


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"whatever it is")
    make_database(at(tmp_path / "mlflow.db"))
    assert (tmp_path / "mlflow.db").read_bytes() == b"whatever it is"


def test_what_a_killed_process_has_left_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.new").write_bytes(b"half of it")
    make_database(at(tmp_path / "mlflow.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"] and len(schema(tmp_path / "mlflow.db")) > 20


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "postgresql://host/mlflow", "sqlite://"])
def test_others_are_left_to_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(TrackingLocation(uri, uri, None, None))
    assert list(tmp_path.iterdir()) == []
