"""Takes Python's place; see `tests.warm_start`. Imports as little as it can, because every process begins with it."""

import json
import os
import signal
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib takes long to import
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
SECONDS_TO_BEGIN = 300


def main() -> None:
    with open(f"{HERE}/settings.json") as file:  # noqa: PTH123
        settings = json.load(file)
    if not can_be_warm(settings):
        os.execv(settings["python"], [settings["python"], *sys.argv[1:]])  # noqa: S606
    streams = inherited()
    server = connected()
    request = {
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "python": sys.argv[0],
        "streams": streams,
        "ignored": [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN],
    }
    data = json.dumps(request).encode()
    socket.send_fds(server, [struct.pack("!I", len(data))], streams)
    server.sendall(data)
    for number in SIGNALS:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    answer = b""
    while len(answer) < 4 and (more := server.recv(4 - len(answer))):
        answer += more
    if len(answer) < 4:
        sys.stderr.write(f"the server of warm processes has ended; see {HERE}/log.txt\n")
        os._exit(70)
    (code,) = struct.unpack("!i", answer)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
        time.sleep(60)
    os._exit(code)


def can_be_warm(settings: dict) -> bool:  # type: ignore[type-arg]
    """Whether a copy of the server is what Python would be."""
    if sys.argv[1:2] == ["-B"]:  # from multiprocessing, where PYTHONDONTWRITEBYTECODE is set
        del sys.argv[1]
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-m", "-c")):
        return False
    beginnings, own = tuple(settings["read_at_import"]), settings["environment"]
    given = {name: value for name, value in os.environ.items() if name not in settings["caches"]}
    return all(own.get(name) == value for name, value in given.items() if name.startswith(beginnings))


def inherited() -> list:  # type: ignore[type-arg]
    """Descriptors that this program was given: the standard streams, and for what multiprocessing spawns some pipes."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            pass  # it was that of the folder
    return found


def connected() -> socket.socket:
    """A connection to the server, which may still have to begin."""
    deadline = time.monotonic() + SECONDS_TO_BEGIN
    while True:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(f"{HERE}/socket")
            return server
        except (FileNotFoundError, ConnectionRefusedError):
            server.close()
            if time.monotonic() > deadline:
                sys.stderr.write(f"the server of warm processes has not begun; see {HERE}/log.txt\n")
                os._exit(70)
            time.sleep(0.05)


main()
