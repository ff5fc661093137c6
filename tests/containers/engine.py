"""A container engine for the tests: one that answers, or else a daemon of our own for as long as they run."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
PROGRAMS = ("dockerd", "containerd", "runc", "debootstrap")
SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""Daemons lie where the path of an ordinary shell does not lead."""
INSTALL = "apt-get install docker.io runc debootstrap"


@dataclass(frozen=True)
class Engine:
    """A container engine on this machine.

    Attributes:
        environment: variables with which the command line and the Python package find it.
        own: whether it is a daemon of the tests, which knows no registry.
    """

    environment: dict[str, str]
    own: bool

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker` with these arguments; its output is text.

        Raises:
            AssertionError: it failed, unless `check` is False; what it printed is in the message.
        """
        done = subprocess.run(["docker", *arguments], env=self.environment, capture_output=True, text=True)
        if check:
            assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done


def obstacle() -> str | None:
    """Why no container can run here and how that is mended; None where one can."""
    if answers(dict(os.environ)):
        return None
    if os.geteuid() != 0:
        return "no container engine answers, and only root can start one: start Docker, or run as root"
    missing = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        return f"no container engine answers, and {', '.join(missing)} to start one with are missing: {INSTALL}"
    return None


def answers(environment: dict[str, str]) -> bool:
    """Whether the engine that the environment names answers."""
    if shutil.which("docker") is None:
        return False
    question = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(question, env=environment, capture_output=True).returncode == 0


@contextmanager
def engine(sockets: Path, data: Path) -> Iterator[Engine]:
    """The engine that answers, or a daemon of our own, stopped at the end.

    Args:
        sockets: an empty folder with a short path, for the daemon's sockets, its log and its process id.
        data: an empty folder with room for the images, some 20 GB.
    """
    if answers(dict(os.environ)):
        yield Engine(dict(os.environ), own=False)
        return
    with daemon(sockets, data) as host:
        # The daemon of the tests has no BuildKit of its own, and Debian's client comes without one too.
        yield Engine({**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}, own=True)


@contextmanager
def daemon(sockets: Path, data: Path) -> Iterator[str]:
    """A daemon of our own, without a bridge and without firewall rules; yields its address, and stops it by its id."""
    address, log = f"unix://{sockets / 'docker.sock'}", sockets / "log.txt"
    program = shutil.which("dockerd", path=SYSTEM_PATH)
    assert program is not None
    places = {"data-root": data, "exec-root": sockets / "exec", "pidfile": sockets / "pid"}
    options = [f"--{name}={place}" for name, place in places.items()]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [program, "--bridge=none", "--iptables=false", f"--host={address}", *options],
            env={**os.environ, "PATH": SYSTEM_PATH},
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not answers({**os.environ, "DOCKER_HOST": address}):
            said = log.read_text(errors="replace")[-4000:]
            assert process.poll() is None, f"The daemon ended with {process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"The daemon does not answer after {SECONDS} seconds:\n{said}"
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
        unmount_all(sockets)
        unmount_all(data)


def unmount_all(folder: Path) -> None:
    """Unmount what a daemon has left mounted under its folder, so that removing the folder removes nothing else."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed([place for place in mounted if Path(place).is_relative_to(folder)]):
        subprocess.run(["umount", place], check=True)
