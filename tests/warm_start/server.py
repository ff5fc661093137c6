"""Imports everything, and then makes a copy of itself for each client; see `tests.warm_start`.

    python server.py FOLDER

The folder gets the socket. It ends when its standard input does, and kills what it has begun.
"""

import atexit
import builtins
import fcntl
import gc
import importlib
import io
import json
import multiprocessing.spawn
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

LIBRARIES = (
    "alembic.autogenerate",
    "alembic.command",
    "boto3",
    "botocore.httpchecksum",
    "cleanlab.filter",
    "kfp.dsl.executor_main",
    "kfp.local",
    "matplotlib.backends.backend_agg",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking",
    "peft",
    "pyarrow.pandas_compat",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.metrics",
    "timm",
    "torch",
    "torchvision",
)
ROOMS = ("labelcycle.components", "labelcycle.pipelines")


class Begun:
    """A copy, and the client that it works for."""

    def __init__(self, pid: int, client: socket.socket) -> None:
        self.pid, self.client = pid, client
        self.ended = os.pidfd_open(pid)


def main(folder: Path) -> None:
    sys.path[0] = str(Path(__file__).parents[2])
    gc.disable()
    import_everything()
    from tests.blank_figures import leave_figures_blank

    leave_figures_blank()
    gc.collect()
    gc.freeze()
    gc.enable()
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert [name for name in threads if name != "jemalloc_bg_thd"] == [threads[0]], f"copies might hang: {threads}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket.new"))
    listener.listen(64)
    (folder / "socket.new").rename(folder / "socket")
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ, "owner")
        selector.register(listener, selectors.EVENT_READ, "listener")
        serve(selector, listener)
    shutil.rmtree(folder, ignore_errors=True)  # those that run tests side by side end without clearing up


def import_everything() -> None:
    """Import all of labelcycle and what its modules import later, in functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            importlib.import_module(name)
        for room in ROOMS:
            package = importlib.import_module(room)
            for module in pkgutil.walk_packages(package.__path__, f"{room}."):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)


def serve(selector: selectors.BaseSelector, listener: socket.socket) -> None:
    """Begin, forward signals, tell of ends, until the owner has ended."""
    begun: dict[int, Begun] = {}
    while True:
        for key, _ in selector.select():
            if key.data == "owner":
                if not os.read(0, 1):
                    for one in begun.values():
                        kill(one.pid)
                    return
            elif key.data == "listener":
                client, _ = listener.accept()
                request, streams = received(client)
                if request is None:
                    client.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    for one in begun.values():
                        one.client.close()
                        os.close(one.ended)
                    listener.close()
                    client.close()
                    become(request, streams)
                for stream in streams:
                    os.close(stream)
                one = begun[pid] = Begun(pid, client)
                selector.register(one.ended, selectors.EVENT_READ, ("ended", one))
                selector.register(client, selectors.EVENT_READ, ("client", one))
            else:
                kind, one = key.data
                if one.pid not in begun:
                    continue
                if kind == "client":
                    forward(selector, one)
                else:
                    del begun[one.pid]
                    finish(selector, one)


def received(client: socket.socket) -> tuple[Any, list[int]]:
    """What a client asks for, and its streams; None where it has gone."""
    head, streams, _, _ = socket.recv_fds(client, 4, 100)
    if len(head) < 4:
        return None, []
    (length,) = struct.unpack("!I", head)
    data = b""
    while len(data) < length and (more := client.recv(length - len(data))):
        data += more
    return (json.loads(data) if len(data) == length else None), list(streams)


def forward(selector: selectors.BaseSelector, one: Begun) -> None:
    """Hand on a signal; a client that has gone was killed."""
    try:
        signals = one.client.recv(16)
    except ConnectionResetError:
        signals = b""
    if not signals:
        selector.unregister(one.client)
        kill(one.pid)
    for number in signals:
        os.kill(one.pid, number)


def finish(selector: selectors.BaseSelector, one: Begun) -> None:
    """Tell the client how its copy ended."""
    _, status = os.waitpid(one.pid, 0)
    selector.unregister(one.ended)
    os.close(one.ended)
    try:
        selector.unregister(one.client)
        one.client.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
    except (KeyError, ValueError, BrokenPipeError, ConnectionResetError):
        pass  # it was killed
    one.client.close()


def kill(pid: int) -> None:
    """Kill a copy and what it started; it may not have become the leader of its group yet."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)


def become(request: Any, streams: list[int]) -> None:
    """Be, in a copy, the process that was asked for. Never returns."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in request["ignored"]:
            signal.signal(number, signal.SIG_IGN)
        aside = [fcntl.fcntl(stream, fcntl.F_DUPFD, 1000) for stream in streams]
        for stream in streams:
            os.close(stream)
        for number, stream in zip(request["streams"], aside, strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        tempfile.tempdir = None
        sys.executable = request["python"]
        multiprocessing.spawn.set_executable(sys.executable)
        sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = sys.__stdout__ = output(1, "strict", os.isatty(1))
        sys.stderr = sys.__stderr__ = output(2, "backslashreplace", True)
        code = exit_code(request["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def output(number: int, errors: str, by_line: bool) -> io.TextIOWrapper:
    """A standard stream as Python opens it."""
    return open(number, "w", encoding="utf-8", errors=errors, buffering=1 if by_line else -1, closefd=False)


def exit_code(arguments: list[str]) -> int:
    """Run as Python does, with all that it does at the end, but for taking modules apart."""
    try:
        run(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if code == 1 and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    return code & 0xFF


def run(arguments: list[str]) -> None:
    """`-m module …`, `-c code …` or `script …`."""
    del sys.path[0]  # this repository
    kind, rest = arguments[0], arguments[1:]
    if kind == "-m":
        sys.argv = rest
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        exec(rest[0], {"__name__": "__main__", "__builtins__": builtins})  # noqa: S102
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(kind).resolve().parent))
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
