"""What callers send, to a real server in this process; what must hold whatever it is.

Two ways. ``Conversation.spoilt``: bytes near sound requests; every answer is one of the contract's, nothing raises or
hangs, and no 200 is given for what nobody signed. ``Conversation.ordered``: requests with several things wrong at once,
whose answer the contract's table says, read here anew from the table and not from the code.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.intake.door import BODY, PATH, Door, open_door, statuses
from tests.support import Way

BODY_BYTES_MAX = 4096
ANSWERS = frozenset({100, 200, 400, 401, 404, 405, 413, 431})
"""All that a caller can be told by a service that is well: never a 5xx."""
END_S = 60.0
"""A conversation whose caller has said all is over by then, on however busy a machine."""
RESPONSE = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]+\r\n((?:[a-z-]+: [^\r\n]*\r\n)*)\r\n", re.IGNORECASE)
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
SIGNED = frozenset({BODY, b"{}", b"x" * BODY_BYTES_MAX, b"x" * (BODY_BYTES_MAX + 1)})
"""Every body that a signature is made for here: no other may be committed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what is wrong with it."""

    method: bytes = b"POST"
    path: bytes = PATH
    body: bytes = BODY
    signature: str = "right"
    """``right``, ``missing``, ``twice``, ``short``, ``upper``, ``of another body``, ``stale``."""
    filler: int = 0
    """Bytes of one more header."""
    fields: int = 0
    """Further headers."""
    chunked: bool = False

    def expected(self) -> int:
        """The contract's table, in its order."""
        if self.filler > 32 * 1024 or self.fields > 99:
            return 431
        if self.path != PATH:
            return 404
        if self.method != b"POST":
            return 405
        if self.signature in {"missing", "twice", "short", "upper", "stale"}:
            return 401
        if len(self.body) > BODY_BYTES_MAX:
            return 413
        return 200 if self.signature == "right" else 401


REQUESTS = st.builds(
    Asked,
    method=st.sampled_from((b"POST", b"POST", b"POST", b"GET", b"PUT", b"OPTIONS", b"DELETE")),
    path=st.sampled_from((PATH, PATH, PATH, PATH + b"/", b"/", b"/webhooks/nobody", b"//webhooks/0xpay-main")),
    body=st.sampled_from(sorted(SIGNED)),
    signature=st.sampled_from(
        ("right", "right", "missing", "twice", "short", "upper", "of another body", "stale")
    ),
    filler=st.sampled_from((0, 0, 0, 9000, 33_000, 40_000)),
    fields=st.sampled_from((0, 0, 0, 50, 100, 150)),
    chunked=st.booleans(),
)  # fmt: skip
PIECES = st.lists(st.integers(1, 400), max_size=6)
"""Where the network cuts what is sent, bytes from the last cut on."""


class Conversation:
    """A door, and what is asked at it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.raised: list[Any] = []
        """What the event loop was told of that nobody caught."""

    def whole(self, asked: Asked, *, last: bool = True) -> bytes:
        """A request as bytes; ``last`` asks for the connection to be closed after it."""
        lines = [b"%s %s HTTP/1.1" % (asked.method, asked.path), b"host: x", *self._proof(asked)]
        lines += [b"x-filler: " + b"a" * asked.filler] if asked.filler else []
        lines += [b"x-%d: 1" % number for number in range(asked.fields)]
        lines += [b"connection: close"] if last else []
        body = asked.body
        if asked.chunked:
            lines.append(b"transfer-encoding: chunked")
            half = len(body) // 2
            parts = [part for part in (body[:half], body[half:]) if part]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        else:
            lines.append(b"content-length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _proof(self, asked: Asked) -> list[bytes]:
        signed = self._door.signed(b"another" if asked.signature == "of another body" else asked.body)
        lines = signed.strip().split(b"\r\n")
        found = {line.partition(b": ")[0]: line.partition(b": ")[2] for line in lines}
        value = found[b"signature"]
        changed = {"short": value[:-1], "upper": value.upper()}.get(asked.signature)
        if asked.signature == "missing":
            return [line for line in lines if not line.startswith(b"signature: ")]
        if asked.signature == "twice":
            return [*lines, b"signature: " + value]
        if asked.signature == "stale":
            found[b"timestamp"] = b"%d" % (int(found[b"timestamp"]) - 301)
        return [b"%s: %s" % (name, changed if changed and name == b"signature" else at) for name, at in found.items()]

    async def send(self, data: bytes, cuts: list[int]) -> bytes:
        """Send, say that no more comes, and give all that comes back until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._door.port)
        async with asyncio.timeout(END_S):
            with contextlib.suppress(OSError):  # it may have been answered, and closed, before all of it is said
                for cut in cuts:
                    writer.write(data[:cut])
                    data = data[cut:]
                    await asyncio.sleep(0)
                writer.write(data)
                writer.write_eof()
            said = b""
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65536):
                    said += piece
        writer.close()
        return said

    async def spoilt(self, data: bytes, cuts: list[int]) -> None:
        """Whatever it is: the contract's answers, whole, and nothing committed that nobody signed."""
        entries = self._door.way.inbox.entries
        before = len(entries)
        said = await self.send(data, cuts)
        answers = whole_answers(said)
        assert set(answers) <= ANSWERS, answers
        assert answers.count(200) <= len(entries) - before
        assert {entry.callback.body for entry in entries[before:]} <= SIGNED
        self._quiet()
        entries.clear()

    async def ordered(self, asked: Asked, cuts: list[int], *, after_another: bool) -> None:
        """The answer that the contract's table gives, also where the request comes after a genuine one."""
        first = self.whole(Asked(), last=False) if after_another else b""
        said = await self.send(first + self.whole(asked), cuts)
        answers = whole_answers(said)
        wanted = [200, asked.expected()] if after_another else [asked.expected()]
        assert answers == wanted, (answers, wanted)
        self._door.way.inbox.entries.clear()
        self._quiet()

    def _quiet(self) -> None:
        bugs = [line for line in self._door.way.log.lines if line[0] in {"exception", "error"}]
        self._door.way.log.lines.clear()
        self._door.way.rejects.kept.clear()
        assert (bugs, self.raised) == ([], [])


def whole_answers(said: bytes) -> list[int]:
    """The status codes of a conversation; fails where it is anything but answers with their bodies, each whole."""
    found, at = [], 0
    while at < len(said):
        head = RESPONSE.match(said, at)
        assert head is not None, said[at : at + 200]
        found.append(int(head[1]))
        length = LENGTH.search(head[2])
        at = head.end() + (int(length[1]) if length is not None else 0)
        assert at <= len(said), "an answer was cut"
    assert found == statuses(said)
    return found


@contextlib.asynccontextmanager
async def conversation() -> AsyncIterator[Conversation]:
    """A server for the body, and the event loop watched."""
    async with open_door(Way(body_bytes_max=BODY_BYTES_MAX)) as door:
        made = Conversation(door)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: made.raised.append(context))
        yield made


def resident_bytes() -> int:
    """Memory that this process holds now; 0 where that cannot be told."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096
    except (OSError, ValueError):
        return 0
