"""A broker's own words to its partitions that a transaction has ended, which can be held back for as long as one likes.

A broker sends them like a client, to the address by which it is known: here that of a proxy, which tells them by the
number of the request. All else passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct

from tests.chaos.proxy import Proxy

WRITE_TXN_MARKERS = 27
"""The number of the request in Kafka's protocol."""


class HeldMarkers(Proxy):
    """The proxy; ``holding`` says whether a transaction's end is kept from the partitions."""

    def __init__(self, port: int, target: int) -> None:
        super().__init__(port, target)
        self.holding = False
        self.held = asyncio.Event()
        """Whether one was held back: its transaction has ended for the coordinator, and for no partition."""

    async def _to_target(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(6)
                size, request = struct.unpack(">ih", head)
                rest = await reader.readexactly(size - 2)
                if self.holding and request == WRITE_TXN_MARKERS:
                    self.held.set()
                    continue
                writer.write(head + rest)
                await writer.drain()
        writer.close()
