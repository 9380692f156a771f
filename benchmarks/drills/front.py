"""One address in front of several models, so that a drill can take the model away and bring it back."""

import asyncio
from contextlib import suppress

from drills.ports import free_port


class Front:
    """One address in front of several models, of which one answers at a time, or none."""

    def __init__(self) -> None:
        """Begin with none: connections are refused."""
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def turn_to(self, port: int | None) -> None:
        """Have the model at a port answer; none: nobody. Connections to the one before are cut."""
        if self._server:
            self._server.close()
        for line in list(self._lines):
            line.transport.abort()
        self._server = None
        if port is not None:
            self._server = await asyncio.start_server(lambda r, w: self._pass_on(port, r, w), "127.0.0.1", self.port)

    async def _pass_on(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        self._lines |= {writer, forth}
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        self._lines -= {writer, forth}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
