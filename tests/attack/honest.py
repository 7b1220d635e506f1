"""Honest callers: genuine callbacks at a fixed rate, on new and on kept connections, and what became of them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass, field

from tests.chaos import traffic

ADDRESS = "127.0.0.9"
ANSWER_S_MAX = 10.0
_numbers = itertools.count()


@dataclass
class Seen:
    """How long each callback took from the moment that it was due, s, and how many got no 200."""

    took_s: list[float] = field(default_factory=list)
    failed: int = 0
    why: set[str] = field(default_factory=set)

    def percentile_ms(self, share: float) -> float:
        """The time in which that share of all was answered."""
        ordered = sorted(self.took_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


def request(*, last: bool) -> bytes:
    """A callback that nobody sent before."""
    document = {"id": f"attack-{time.time_ns()}-{next(_numbers)}", "organizationId": traffic.ORGANISATION}
    body = json.dumps({**document, "status": "PROCESSED"}).encode()
    signature = hmac.new(traffic.ONCHAIN_SECRET.encode(), body, hashlib.sha256).hexdigest()
    close = "connection: close\r\n" if last else ""
    head = (
        f"POST /webhooks/swaps HTTP/1.1\r\nhost: x\r\nx-api-public-key: {traffic.ONCHAIN_PUBLIC}\r\n"
        f"x-api-signature: {signature}\r\n{close}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Honest:
    """Half of the callbacks come on connections of their own, half on a few that are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def run(self, rate: float, seconds: float) -> Seen:
        """Send at a rate, whatever the answers."""
        seen, started = Seen(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due_s = started + number / rate
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                group.create_task(self._send(due_s, seen, keep=bool(number % 2)))
        return seen

    async def _send(self, due_s: float, seen: Seen, *, keep: bool) -> None:
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                answer = await self._deliver(keep=keep)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            seen.failed += 1
            seen.why.add(type(error).__name__)
            return
        if not answer.startswith(b"HTTP/1.1 200 "):
            seen.failed += 1
            seen.why.add(answer[:12].decode("latin-1"))
        seen.took_s.append(time.monotonic() - due_s)

    async def _deliver(self, *, keep: bool) -> bytes:
        while keep and self._kept:
            pair = self._kept.pop()
            try:
                return await self._converse(pair, keep=True)
            except (OSError, asyncio.IncompleteReadError):
                continue  # closed while it was idle: any client tries again
        opened = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(ADDRESS, 0))
        return await self._converse(opened, keep=keep)

    async def _converse(self, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], *, keep: bool) -> bytes:
        reader, writer = pair
        try:
            writer.write(request(last=not keep))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        except BaseException:
            writer.close()
            raise
        if keep:
            self._kept.append(pair)
        else:
            writer.close()
        return head
