"""A server behind the proxy answers as it is, 503, or slowly, as its file says; this needs no cluster."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import requests

from tests.cluster.proxy import Gate


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that keeps its connections and answers each request with the length of what it was given."""
    with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                (int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length")), 0
            )
            body = str(len(await reader.readexactly(length))).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server behind the proxy, and the file that says how it is."""
    loop, state = asyncio.new_event_loop(), tmp_path / "state"
    thread = Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> tuple[asyncio.Server, asyncio.Server]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        gate = Gate(server.sockets[0].getsockname()[1], state)
        return server, await asyncio.start_server(gate.connected, "127.0.0.1", 0)

    async def end() -> None:
        for each in servers:
            each.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is let go of in the loop's next round

    servers = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    yield f"http://127.0.0.1:{servers[1].sockets[0].getsockname()[1]}", state
    asyncio.run_coroutine_threadsafe(end(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_one_connection_sees_each_change(gate: tuple[str, Path]) -> None:
    url, state = gate
    with requests.Session() as client:

        def put(size: int) -> tuple[int, str]:
            found = client.put(url, data=b"x" * size, timeout=10)
            return found.status_code, found.text if found.ok else ""

        assert put(7) == (200, "7")
        state.write_text("unavailable")
        assert put(300_000) == (503, "")
        state.write_text("slow 0.05")
        began = time.monotonic()
        assert put(300_000) == (200, "300000")
        assert time.monotonic() - began > 0.05
        state.write_text("")
        assert put(0) == (200, "0")
