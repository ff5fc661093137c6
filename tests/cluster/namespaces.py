"""Mounts, processes and a network of the node's own, which the kernel takes away when their first process ends."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.programs import SYSTEM_PATH, program

HOST, NODE, NODE_PREFIX = "10.243.0.1", "10.243.0.2", 30
"""Addresses of the cable between this machine and the node."""

BRIDGE, PODS, GATEWAY = "pods", "10.244.0.0/24", "10.244.0.1"
"""The bridge that pods are on, their addresses, and the bridge's own, where servers of the tests listen for them."""

SERVICES, API_SERVICE = "10.96.0.0/16", "10.96.0.1"
"""Addresses of services, and of the one that is needed: without kube-proxy a rule leads it to the API server."""

CABLE = "labelcycle-test"
"""Name of the cable's end on this machine."""

SECONDS = 60

SECONDS_OF_A_KILLED_NODE = 30
"""The kernel takes the network of a killed node away a while after its processes."""


@dataclass(frozen=True)
class Namespaces:
    """Where the node's processes run.

    Attributes:
        outer: the process here that started the first process of the namespaces.
        first: that first process, by its number here; what it holds goes when it ends.
    """

    outer: int
    first: int

    def command(self, *words: str) -> list[str]:
        """A command line that runs these words in there."""
        return [program("nsenter"), f"--target={self.first}", "--mount", "--net", "--pid", "--", *words]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program in there; its output is text.

        Raises:
            AssertionError: it failed, unless `check` is False; what it printed is in the message.
        """
        done = subprocess.run(self.command(*words), env=environment(), capture_output=True, text=True)
        if check:
            assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def end(self) -> None:
        """End the first process, and with it all others; wait until they and the cable are gone."""
        if alive(self.first):
            os.kill(self.first, signal.SIGTERM)
        await_that(lambda: not alive(self.first), "the node's processes have ended")
        await_that(lambda: not Path(f"/sys/class/net/{CABLE}").exists(), "the node's network is gone")


def begin(folder: Path, pause: Path, keep: bool) -> tuple[Namespaces, subprocess.Popen[bytes]]:
    """Make the namespaces, their network and its rules.

    Args:
        folder: has the folders `var-lib` and `logs`, which are /var/lib and /var/log in there.
        pause: the program that will be the first process in there.
        keep: let them live on when this process ends; otherwise the kernel ends them with it, even if it is killed.

    Returns:
        the namespaces, and the process here that holds them.
    """
    await_that(
        lambda: not Path(f"/sys/class/net/{CABLE}").exists(),
        f"the network {CABLE} of an earlier node is gone; python -m tests.cluster.stop ends one that was kept",
        SECONDS_OF_A_KILLED_NODE,
    )
    options = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"]
    bound_to_us = [] if keep else [program("setpriv"), "--pdeathsig=KILL"]
    ready = folder / "ready"
    with (folder / "namespaces.log").open("wb") as log:
        outer = subprocess.Popen(
            [*bound_to_us, program("unshare"), *options, "sh", "-euc", setup(folder, pause, ready)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await_that(lambda: ready.exists() or outer.poll() is not None, "the node's namespaces are made")
        assert outer.poll() is None, f"No namespaces for the node: {(folder / 'namespaces.log').read_text()}"
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        namespaces = Namespaces(outer.pid, int(children[0]))
        connect(namespaces)
    except BaseException:
        outer.kill()
        outer.wait()
        raise
    return namespaces, outer


def setup(folder: Path, pause: Path, ready: Path) -> str:
    """The script of the first process, which then becomes `pause`.

    Mounts are shared among the processes in there, as the kubelet wants it, and with none outside.
    """
    to_api = f"-d {API_SERVICE} -p tcp --dport 443 -j DNAT --to-destination {NODE}:6443"
    return f"""
mount --make-rshared /
mount -t tmpfs tmpfs /run
mount --bind '{folder}/var-lib' /var/lib
mount --bind '{folder}/logs' /var/log
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link add {BRIDGE} type bridge
ip address add {GATEWAY}/24 dev {BRIDGE}
ip link set {BRIDGE} up
iptables -t nat -A PREROUTING {to_api}
iptables -t nat -A OUTPUT {to_api}
touch '{ready}'
exec '{pause}'
"""


def connect(namespaces: Namespaces) -> None:
    """A cable from this machine into the namespaces, over which tests reach the API and the servers."""
    ip("link", "add", CABLE, "type", "veth", "peer", "name", "node", "netns", str(namespaces.first))
    ip("address", "add", f"{HOST}/{NODE_PREFIX}", "dev", CABLE)
    ip("link", "set", CABLE, "up")
    namespaces.run("ip", "address", "add", f"{NODE}/{NODE_PREFIX}", "dev", "node")
    namespaces.run("ip", "link", "set", "node", "up")


def ip(*words: str) -> None:
    done = subprocess.run([program("ip"), *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def environment() -> dict[str, str]:
    """This process's environment, with the path of system programs, and without settings meant for other clusters."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "AWS_", "MLFLOW_"))}
    return {**kept, "PATH": SYSTEM_PATH}


def alive(process: int) -> bool:
    """Whether there is a process of this number that has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def await_that(holds: object, what: str, seconds: float = SECONDS, interval: float = 0.1) -> None:
    """Wait until a function says True.

    Raises:
        AssertionError: it does not in this time.
    """
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"After {seconds:.0f} seconds it is not so that {what}"
        time.sleep(interval)
