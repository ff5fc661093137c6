"""The root is looked at with its own means: what does not hold in the store is found, and nothing is left behind."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.pipelines.verification.known_objects import known_key
from tests.conftest import Bench, one_at_a_time
from tests.pipelines.doctor.conftest import Doctor

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@contextmanager
def s3_through(
    change: Callable[[Application], Application], handler: type[MotoRequestHandler] = MotoRequestHandler
) -> Iterator[str]:
    """The address of a server with the objects of the session's, whose requests go through something else."""
    application = change(one_at_a_time(DomainDispatcherApplication(create_backend_app)))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_folder(doctor: Doctor, tmp_path: Path) -> None:
    report = doctor(tmp_path / "not" / "yet")
    assert report.code == 0
    found = {name: status for name, status in report.statuses.items() if name.startswith("store")}
    assert found == dict.fromkeys(
        ["store: root", "store: conditional writes", "store: clock", "store: campaign"], "pass"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(doctor: Doctor, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    assert doctor(root).code == 0
    assert list(tmp_path.rglob("*")) == [root]


def test_a_file_is_no_root(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = doctor(tmp_path / "file")
    assert report.code == 1
    assert "Name another path" in report.trouble()["store: root"]
    assert "store: conditional writes" not in report.statuses


def test_a_folder_below_a_file_cannot_be_written(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = doctor(tmp_path / "file" / "root")
    assert report.code == 1
    assert "fail" in report.trouble()["store: conditional writes"]


def test_a_folder_without_hard_links(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    report = doctor(tmp_path / "root")
    assert report.code == 1
    assert "no hard links" in report.trouble()["store: conditional writes"]
    assert list(tmp_path.iterdir()) == []


def test_s3(doctor: Doctor, s3_root: str, s3_administrator: Any) -> None:
    report = doctor(s3_root)
    assert report.code == 0
    found = {name: status for name, status in report.statuses.items() if name.startswith("store")}
    assert found == dict.fromkeys(
        ["store: root", "store: conditional writes", "store: clock", "store: campaign"], "pass"
    )
    assert "Contents" not in s3_administrator.list_objects_v2(Bucket=s3_root.split("/")[2])


def test_s3_that_ignores_conditions_fails(doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ignoring(application: Application) -> Application:
        def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environment.pop("HTTP_IF_NONE_MATCH", None)
            return application(environment, start_response)

        return answer

    with s3_through(ignoring) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        report = doctor(s3_root)
    assert report.code == 1
    assert report.trouble()["store: conditional writes"].startswith("fail: ")
    assert "Put the campaign on a server that has them" in report.trouble()["store: conditional writes"]


def test_a_store_that_says_yes_to_everybody_fails(
    doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the store's own look at the server's promise is fooled."""

    def always(self: S3Store, key: str, data: bytes) -> bool:
        self.write(key, data)
        return True

    monkeypatch.setattr(S3Store, "write_if_absent", always)
    report = doctor(s3_root)
    assert report.code == 1 and report.trouble()["store: conditional writes"].startswith("fail: ")


def test_s3_that_takes_two_at_the_same_instant(doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some servers do: each looks before either has written."""
    both, arrived, lock = threading.Barrier(2, timeout=20), [0], threading.Lock()

    def looking_first(application: Application) -> Application:
        def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if environment["REQUEST_METHOD"] == "PUT":
                with lock:
                    arrived[0] += 1
                    among_first = arrived[0] <= 2
                if among_first:
                    del environment["HTTP_IF_NONE_MATCH"]
                    both.wait()
            return application(environment, start_response)

        return answer

    with s3_through(looking_first) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        report = doctor(s3_root)
    assert report.code == 0
    assert "at the same instant" in report.trouble()["store: conditional writes"]


def test_without_the_right_to_delete_the_object_stays(
    doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"

    def no_deletion(application: Application) -> Application:
        def answer(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if "delete" in environment["QUERY_STRING"]:
                start_response(
                    "403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(denied)))]
                )
                return [denied]
            return application(environment, start_response)

        return answer

    with s3_through(no_deletion) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        report = doctor(s3_root)
        (left,) = open_store(s3_root).keys("")
    assert report.code == 0
    assert left in report.out and report.statuses["store: clean-up"] == "pass"
    assert known_key(left) is not None


@pytest.mark.parametrize(("minutes", "status", "code"), [(0, "pass", 0), (5, "warn", 0), (-60, "fail", 1)])
def test_clocks_that_differ(
    doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch, minutes: int, status: str, code: int
) -> None:
    class Elsewhen(MotoRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return str(super().date_time_string(time.time() + 60 * minutes))

    with s3_through(lambda application: application, Elsewhen) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        report = doctor(s3_root)
    assert (report.statuses["store: clock"], report.code) == (status, code)


def test_no_bucket(doctor: Doctor, s3_endpoint: str) -> None:
    report = doctor(f"s3://bucket-{uuid.uuid4().hex[:12]}/prefix")
    assert report.code == 1
    assert "Create it, or correct its name" in report.trouble()["store: root"]


def test_a_store_that_is_away_may_come_back(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    report = doctor("s3://bucket/prefix")
    assert report.code == 2
    assert "Check AWS_ENDPOINT_URL" in report.trouble()["store: root"]
    assert "Run the same command again" in report.err


def test_no_credentials(doctor: Doctor, s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    report = doctor(s3_root)
    assert report.code == 1
    assert "Set AWS_ACCESS_KEY_ID" in report.trouble()["store: root"]


@pytest.mark.parametrize("engine", ["argo", "kfp"])
def test_pods_cannot_read_a_folder(doctor: Doctor, tmp_path: Path, engine: str) -> None:
    report = doctor(tmp_path / "root", "--engine", engine)
    assert report.code == 1
    assert "s3://bucket/prefix" in report.trouble()["store: root"]


def test_a_campaign_that_is_there(doctor: Doctor, begin: Callable[..., Bench], store_root: str) -> None:
    begin(store_root)
    before = open_store(store_root).keys("")
    report = doctor(store_root)
    assert report.statuses["store: campaign"] == "pass"
    assert "recipe" in report.out
    assert open_store(store_root).keys("") == before


def test_a_campaign_begins_where_something_was_tried(
    doctor: Doctor, begin: Callable[..., Bench], tmp_path: Path
) -> None:
    assert doctor(tmp_path / "root").code == 0
    begin(str(tmp_path / "root"))


def test_a_damaged_campaign(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "campaign.json").write_text("{")
    report = doctor(tmp_path / "root")
    assert report.code == 1
    assert report.trouble()["store: campaign"].startswith("fail: ")
