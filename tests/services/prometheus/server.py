"""A real Prometheus on one folder, which scrapes what it is told and reads labelcycle's alert rules."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

SECONDS = 120


class Prometheus:
    """One server. Made stopped."""

    def __init__(self, program: str, folder: Path, target: str, rules: Path) -> None:
        """Write its configuration.

        Args:
            program: of Prometheus.
            folder: for configuration, data and log.
            target: host and port of the exporter, scraped every second.
            rules: the file of alert rules.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder, self._program = folder, program
        content = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "labelcycle", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(content))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
            )
        self.wait_for(lambda: self._get("/-/ready", {}) is not None, "ready")

    def stop(self) -> None:
        """End it by its pid."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=60)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now.

        Raises:
            ValueError: Prometheus does not take it.
        """
        answer = json.loads(self._get("/api/v1/query", {"query": expression}) or b"{}")
        if answer.get("status") != "success":
            raise ValueError(f"{expression}: {answer}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """The rules that it has read."""
        answer = json.loads(self._get("/api/v1/rules", {}) or b"{}")
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    def wait_for(self, ready: Any, what: str) -> None:
        """Return once `ready()` is true."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            if ready():
                return
            time.sleep(0.2)
        raise AssertionError(f"never {what}: {(self._folder / 'server.log').read_text()[-3000:]}")

    def _get(self, path: str, parameters: dict[str, str]) -> bytes | None:
        address = f"http://127.0.0.1:{self._port}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            return None if error.code == 503 else error.read()
        except OSError:
            return None
