"""Figures that Prometheus fetches, or that are pushed to a Pushgateway."""

import threading
import time
from collections.abc import Iterable
from http.client import HTTPException
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, push_to_gateway, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.logging.events import notice
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.metrics.campaign_figures import read_figures
from labelcycle.pipelines.metrics.exposition import registry_of

JOB = "labelcycle"
READABLE = "labelcycle_campaign_readable"
PUSH_SECONDS = 10.0


class CampaignCollector(Collector):
    """Reads a campaign's figures each time that they are fetched, once at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """The figures, and whether they could be read: if not, that is a notice, and there are no others.

        Cost: that of `read_figures`.
        """
        readable = GaugeMetricFamily(READABLE, "Whether the campaign's root could be read just now.", labels=["root"])
        with self._lock:
            try:
                found = list(registry_of(read_figures(self._store), time.time()).collect())
            except (LabelcycleError, OSError) as error:
                notice(f"The figures cannot be read: {error}")
                found = []
        readable.add_metric([self._store.root], float(bool(found)))
        return [readable, *found]


class Exporter:
    """Serves a campaign's figures at `/metrics`, in threads of this process, until it is closed."""

    def __init__(self, store: Store, host: str, port: int) -> None:
        """Begin to serve.

        Args:
            store: the campaign's.
            host: of which address.
            port: 0 for any that is free.

        Raises:
            ConfigurationError: the address cannot be had.
        """
        registry = CollectorRegistry()
        registry.register(CampaignCollector(store))
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"Figures cannot be served at {host}:{port}: {error}. Choose another port with --serve, or another "
                "address with --host."
            ) from None
        self.address = f"http://{host}:{self._server.server_port}/metrics"

    def wait(self) -> None:
        """Return when it is closed by another thread."""
        self._thread.join()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def push(store: Store, gateway: str) -> None:
    """Replace the campaign's figures at a Pushgateway, in the group of job `labelcycle` and the campaign.

    Args:
        store: the campaign's.
        gateway: its address, such as `http://pushgateway:9091`.

    Raises:
        ConfigurationError: it is no address.
        TransientError: the gateway does not take them.
    """
    parts = urlsplit(gateway)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"--push {gateway} is no address, such as http://pushgateway.example.org:9091.")
    figures = read_figures(store)
    registry = registry_of(figures, time.time())
    try:
        push_to_gateway(gateway, JOB, registry, {"campaign": figures.campaign}, timeout=PUSH_SECONDS)
    except (OSError, HTTPException) as error:
        raise TransientError(
            f"The Pushgateway at {parts.hostname} has not taken the figures: {error}. Run the same command again."
        ) from None
