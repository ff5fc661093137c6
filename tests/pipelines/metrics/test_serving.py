"""Figures that are fetched or pushed."""

import http.server
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.metrics.serving import Exporter, push


def fetched(exporter: Exporter) -> dict[str, float]:
    """The samples that have no label but the campaign or root, by name."""
    with urllib.request.urlopen(exporter.address) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {sample.name: sample.value for family in families for sample in family.samples if len(sample.labels) == 1}


def test_prometheus_gets_what_is_so_when_it_asks(begin: Callable[..., Any]) -> None:
    campaign = begin()
    with closing(Exporter(open_store(campaign.root), "127.0.0.1", 0)) as exporter:
        before = fetched(exporter)
        assert before["labelcycle_campaign_readable"] == 1 and "labelcycle_campaign_cycle" not in before
        campaign.run_cycle()
        assert fetched(exporter)["labelcycle_campaign_cycle"] == 0


def test_a_root_that_cannot_be_read_is_a_figure_too(
    begin: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin()
    with closing(Exporter(open_store(campaign.root), "127.0.0.1", 0)) as exporter:
        shutil.rmtree(campaign.root)
        Path(campaign.root).mkdir()
        assert fetched(exporter) == {"labelcycle_campaign_readable": 0}
    assert "The figures cannot be read: No campaign at" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(begin: Callable[..., Any]) -> None:
    store = open_store(begin().root)
    with closing(Exporter(store, "127.0.0.1", 0)) as exporter:
        port = int(exporter.address.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match=f"cannot be served at 127.0.0.1:{port}.*--serve"):
            Exporter(store, "127.0.0.1", port)


Pushed = list[tuple[str, str, str]]


@contextmanager
def gateway(status: int = 200) -> Iterator[tuple[str, Pushed]]:
    """A Pushgateway's address, and what it got: method, path and body."""
    got: Pushed = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.command, self.path, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_pushgateway_gets_the_campaigns_group(begin: Callable[..., Any]) -> None:
    campaign = begin()
    with gateway() as (address, got):
        push(open_store(campaign.root), address)
    [(method, path, body)] = got
    assert (method, path) == ("PUT", f"/metrics/job/labelcycle/campaign/{campaign.state.campaign.identifier}")
    assert "labelcycle_campaign_budget_labels{" in body


def test_a_pushgateway_that_refuses_or_is_not_there(begin: Callable[..., Any]) -> None:
    store = open_store(begin().root)
    with gateway(500) as (address, _), pytest.raises(TransientError, match="The Pushgateway at 127.0.0.1 has not"):
        push(store, address)
    with pytest.raises(TransientError, match="The Pushgateway at 127.0.0.1 has not"):
        push(store, address)
    with pytest.raises(ConfigurationError, match="--push pushgateway is no address"):
        push(store, "pushgateway")


def test_there_is_one_way_at_a_time(labelcycle: Any, begin: Callable[..., Any]) -> None:
    refused = labelcycle("metrics", begin().root, "--serve", "0", "--push", "http://127.0.0.1:1")
    assert refused.returncode == 1 and "three ways. Give one of them" in refused.stderr
