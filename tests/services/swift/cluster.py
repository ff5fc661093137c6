"""A running Swift cluster: started on free loopback ports, ended by the pids it started, restarted on its disk."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from tests.services.swift.configuration import STORAGE, write_configuration

SERVERS = (*STORAGE, "proxy")
SECONDS_TO_START = 300


class SwiftCluster:
    """Four processes (proxy, account, container, object) on one folder. Made stopped."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._ports = free_ports(SERVERS)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        write_configuration(folder, self._ports, binaries)

    @property
    def endpoint(self) -> str:
        """The address that S3 clients talk to."""
        return f"http://127.0.0.1:{self._ports['proxy']}"

    @property
    def running(self) -> bool:
        """Whether it was started and not ended since."""
        return bool(self._processes)

    def start(self) -> None:
        """Start the processes and wait until each answers."""
        for server in SERVERS:
            settings = self._folder / "etc" / f"{server}.conf"
            with (self._folder / f"{server}.log").open("ab") as log:
                self._processes[server] = subprocess.Popen(
                    [str(self._binaries / f"swift-{server}-server"), str(settings), "-v"],
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
                )
        for server in SERVERS:
            self._await(server)

    def kill(self) -> None:
        """End the processes as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the processes in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        for process in self._processes.values():
            process.send_signal(how)
        for process in self._processes.values():
            process.wait(timeout=30)
        self._processes.clear()

    def _await(self, server: str) -> None:
        address = f"http://127.0.0.1:{self._ports[server]}/" + ("healthcheck" if server == "proxy" else "recon/version")
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._processes[server].poll() is None:
            try:
                with urllib.request.urlopen(address, timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        log = (self._folder / f"{server}.log").read_text()[-2000:]
        raise AssertionError(f"Swift's {server} server did not start:\n{log}")


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free loopback port for each name."""
    with ExitStack() as held:
        ports = {}
        for name in names:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports[name] = listener.getsockname()[1]
        return ports
