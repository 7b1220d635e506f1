"""A connection's socket: what is written arrives whole and in order, and nothing is read before its turn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from receiver.intake.poller import Poller
from receiver.intake.transport import READ_BYTES, UNSENT_BYTES_MAX, SocketTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Connection:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.may = True
        self.data = b""
        self.told: list[Any] = []
        self.fault: Exception | None = None

    def may_read(self) -> bool:
        if not self.may:
            self.told.append("has to wait")
        return self.may

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.fault is not None:
            raise self.fault

    def eof_received(self) -> None:
        self.told.append("end")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(type(exc).__name__)

    def pause_writing(self) -> None:
        self.told.append("too much")

    def resume_writing(self) -> None:
        self.told.append("go on")

    def resumed(self) -> None:
        self.told.append("resumed")


class Line:
    """A transport, and the caller's end of its socket."""

    def __init__(self) -> None:
        ours, self.caller = socket.socketpair()
        for end in (ours, self.caller):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.ours = ours
        self.poller = Poller(asyncio.get_running_loop(), lambda: None)
        self.connection = Connection()
        self.transport = SocketTransport(ours, self.connection, self.poller, memoryview(bytearray(READ_BYTES)))
        self.transport.begin(watched=False)

    async def read(self) -> bytes:
        """All that the caller gets until the end, or until nothing more comes."""
        said, loop = b"", asyncio.get_running_loop()
        try:
            async with asyncio.timeout(0.2):
                while piece := await loop.sock_recv(self.caller, 65536):
                    said += piece
        except TimeoutError:
            pass
        return said


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """One."""
    made = Line()
    yield made
    made.transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    made.poller.close()
    made.caller.close()
    assert made.ours.fileno() == -1


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


async def pause() -> None:
    """Several turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_comes_is_read_a_little_at_a_time(line: Line) -> None:
    """In order, and others have their turn in between."""
    sent = bytes(range(256)) * 20
    line.caller.send(sent)
    await until(lambda: line.connection.data == sent)
    assert line.connection.told == []


async def test_nothing_is_read_before_its_turn(line: Line) -> None:
    """It is asked for once, the kernel keeps what came, and ``read_unread`` reads it."""
    line.connection.may = False
    line.caller.send(b"early")
    await until(lambda: line.connection.told)
    line.caller.send(b" and late")
    await pause()
    assert (line.connection.told, line.connection.data) == (["has to wait"], b"")
    assert line.transport.read_unread()
    assert line.connection.data == b"early and late"
    assert not line.transport.read_unread()


async def test_the_two_reasons_not_to_read_do_not_undo_each_other(line: Line) -> None:
    """Reading goes on when both are over."""
    line.transport.hold()
    line.transport.pause_reading()
    line.caller.send(b"x")
    line.transport.release()
    await pause()
    assert line.connection.data == b""
    line.transport.hold()
    line.transport.resume_reading()
    await pause()
    assert (line.connection.data, line.connection.told) == (b"", ["resumed"])
    line.transport.release()
    await until(lambda: line.connection.data == b"x")


async def test_a_head_waits_for_its_body(line: Line) -> None:
    """100 Continue waits for nothing, and a head without a body is sent when it is said that none follows."""
    line.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert line.caller.recv(1000).startswith(b"HTTP/1.1 100")
    line.transport.write(HEAD)
    with pytest.raises(BlockingIOError):
        line.caller.recv(1000)
    line.transport.write(b"OK")
    assert line.caller.recv(1000) == HEAD + b"OK"
    line.transport.write(HEAD)
    line.transport.flush()
    assert line.caller.recv(1000) == HEAD


async def test_what_the_caller_does_not_read_waits_and_arrives_whole(line: Line) -> None:
    """The application is told to wait, and to go on; closing waits too."""
    pieces = [bytes([65 + number]) * 50_000 for number in range(8)]
    for piece in pieces:
        line.transport.write(piece)
    assert line.connection.told == ["too much"]
    assert line.transport.get_write_buffer_size() > UNSENT_BYTES_MAX
    line.transport.write(HEAD)
    line.transport.close()
    assert line.transport.is_closing()
    assert await line.read() == b"".join(pieces) + HEAD
    await until(lambda: "NoneType" in line.connection.told)
    assert line.connection.told == ["too much", "go on", "NoneType"]
    assert line.transport.get_write_buffer_size() == 0


async def test_who_has_read_all_that_waited_is_gone_on_with(line: Line) -> None:
    """At once, and not when somebody looks at the connection next."""
    line.transport.write(b"x" * 50_000)
    assert line.transport.is_busy()
    assert len(await line.read()) == 50_000
    assert not line.transport.is_busy()
    assert line.connection.told == ["resumed"]


async def test_the_end_of_what_is_said_comes_after_all_of_it(line: Line) -> None:
    """And the caller may go on talking."""
    line.transport.write(b"x" * 50_000)
    line.transport.write_eof()
    assert len(await line.read()) == 50_000
    line.caller.send(b"thanks")
    await until(lambda: line.connection.data == b"thanks")
    assert not line.transport.is_closing()
    line.transport.write_eof()


async def test_a_caller_that_sends_no_more_is_told_once_and_may_be_answered(line: Line) -> None:
    """Whatever else stops and goes on meanwhile."""
    line.caller.shutdown(socket.SHUT_WR)
    await until(lambda: line.connection.told)
    line.transport.hold()
    line.transport.release()
    await pause()
    assert line.connection.told == ["end"]
    line.transport.write(HEAD)
    line.transport.write(b"OK")
    line.transport.close()
    assert await line.read() == HEAD + b"OK"


async def test_a_caller_that_is_gone_is_told_once(line: Line) -> None:
    """Found while its answer is written; what is written then goes nowhere."""
    line.caller.close()
    line.transport.write(b"x" * 50_000)
    line.transport.write(b"y")
    line.transport.abort()
    line.transport.close()
    await until(lambda: line.connection.told)
    await pause()
    assert line.connection.told == ["BrokenPipeError"]


async def test_a_caller_that_goes_while_it_does_not_read_is_noticed(line: Line) -> None:
    """What waits for it is thrown away."""
    line.transport.write(b"x" * 50_000)
    line.transport.close()
    line.caller.close()
    await until(lambda: line.connection.told)
    assert line.connection.told == ["BrokenPipeError"]
    assert line.transport.get_write_buffer_size() == 0


async def test_abort_waits_for_nothing(line: Line) -> None:
    """Nor does a second one do anything."""
    line.transport.write(b"x" * 50_000)
    line.transport.abort()
    line.transport.abort()
    await pause()
    assert line.connection.told == ["NoneType"]
    assert len(await line.read()) < 50_000


async def test_what_a_connection_does_wrong_ends_it_and_is_said(line: Line) -> None:
    """The loop's handler is told, so that it stands in the log."""
    said: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["exception"]))
    line.connection.fault = ValueError("no")
    line.caller.send(b"x")
    await until(lambda: line.connection.told)
    assert (said, line.connection.told) == ([line.connection.fault], ["ValueError"])
