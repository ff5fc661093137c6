"""A thousand labels by keys: neither the server nor the page grows with them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.pipelines.demo.digits import write_digits
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import Bench
from tests.services.label_page.conftest import Open, Shown
from tests.services.label_page.test_keyboard import said

LABELS, WARM = 1000, 200
MOST_GROWTH = 8 * 2**20


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A campaign on digits whose first query asks for more than a thousand labels."""
    folder = tmp_path_factory.mktemp("thousand")
    write_digits(folder / "digits")
    settings = CampaignSettings(
        images=str(folder / "digits" / "images"),
        test=str(folder / "digits" / "test.csv"),
        recipe="random",
        budget=LABELS + 50,
        batch=LABELS + 50,
    )
    begin_campaign(str(folder / "campaign"), settings)
    bench = Bench(str(folder / "campaign"))
    bench.run_cycle()
    return bench


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is the process itself, whose memory can be looked at."""
    monkeypatch.setattr("tests.pipelines.label_page.label_server.warm_python", lambda: sys.executable)


def resident(shown: Shown) -> int:
    """Bytes of memory that the server has."""
    words = Path(f"/proc/{shown.server.process.pid}/statm").read_text().split()
    return int(words[1]) * 4096


def page_size(shown: Shown) -> tuple[int, int]:
    """Bytes of the page's heap after its garbage is collected, and how many nodes it has."""
    session: Any = shown.page.context.new_cdp_session(shown.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return int(found["JSHeapUsedSize"]), int(found["Nodes"])


def test_a_thousand_labels(
    cold: None, open_page: Open, thousand: Bench, record_property: Callable[[str, object], None]
) -> None:
    shown = open_page(thousand)
    shown.press("n")
    sizes = []
    for number in range(LABELS):
        if number in (WARM, LABELS - 1):
            sizes.append((resident(shown), *page_size(shown)))
        shown.press(str(number % 10))
    assert len(said(thousand, 0)) == LABELS and shown.complaints == []
    (server, heap, nodes), (server_after, heap_after, nodes_after) = sizes
    for name, value in (("server", server_after - server), ("heap", heap_after - heap)):
        record_property(f"growth_of_{name}", value)
    print(f"server {server:,} → {server_after:,} bytes")
    print(f"page {heap:,} → {heap_after:,} bytes, {nodes} → {nodes_after} nodes")
    assert server_after - server < MOST_GROWTH
    assert heap_after - heap < MOST_GROWTH and nodes_after < nodes + 100
