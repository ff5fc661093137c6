"""`python -m tests.cluster.proxy LISTEN:SERVER:FILE …`: in front of servers, to have them answer 503 or slowly.

Each FILE says how its server is at the moment: `unavailable`, `slow SECONDS`, or anything else for as it is. It is read
at the beginning of each request, so connections that stay open see the change too.
"""

import asyncio
import contextlib
import sys
from pathlib import Path

ALL = "0.0.0.0"
SERVERS = "127.0.0.1"
CHUNK = 1 << 16
SECONDS_TO_CLOSE = 1.0
BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message></Error>"
)
"""What S3 says; MLflow's clients look at the status alone."""

UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
)
GO_ON = b"HTTP/1.1 100"
"""A client that was told so goes on with the request that it has begun."""


class Gate:
    """One server: what its file says, and its connections."""

    def __init__(self, server: int, file: Path) -> None:
        self._server, self._file = server, file

    def state(self) -> list[str]:
        """The words in the file."""
        try:
            return self._file.read_text().split()
        except FileNotFoundError:
            return []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection's bytes to and fro until either side closes it."""
        try:
            server_reader, server_writer = await asyncio.open_connection(SERVERS, self._server)
        except OSError:
            writer.close()
            return
        answered = asyncio.Event()
        answered.set()
        back = asyncio.create_task(carry_back(server_reader, writer, answered))
        try:
            while data := await reader.read(CHUNK):
                if answered.is_set():  # a request begins
                    answered.clear()
                    state = self.state()
                    if state[:1] == ["unavailable"]:
                        writer.write(UNAVAILABLE)
                        await writer.drain()
                        with contextlib.suppress(TimeoutError):  # the rest of the request, or the client sees a reset
                            await asyncio.wait_for(reader.read(), SECONDS_TO_CLOSE)
                        break
                    if state[:1] == ["slow"]:
                        await asyncio.sleep(float(state[1]))
                server_writer.write(data)
                await server_writer.drain()
        except OSError:
            pass
        finally:
            back.cancel()
            for each in (server_writer, writer):
                each.close()


async def carry_back(server: asyncio.StreamReader, client: asyncio.StreamWriter, answered: asyncio.Event) -> None:
    """Carry a server's answers to its client."""
    try:
        while data := await server.read(CHUNK):
            if not data.startswith(GO_ON):
                answered.set()
            client.write(data)
            await client.drain()
    except OSError:
        pass
    finally:
        client.close()


async def serve(gates: list[tuple[int, Gate]]) -> None:
    """Listen for all of them, for ever."""
    servers = [await asyncio.start_server(gate.connected, ALL, port) for port, gate in gates]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    given = [argument.split(":", 2) for argument in sys.argv[1:]]
    asyncio.run(serve([(int(port), Gate(int(server), Path(file))) for port, server, file in given]))
