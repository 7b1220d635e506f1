"""Whoever reads the log, or does not: lines come whole and in order, what is lost is counted and said, nobody waits."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.service import log_writer
from receiver.service.log_writer import BYTES_MAX, CLOSE_S, LINES_MAX, PIECE_BYTES_MAX, USUAL_SHARE, LogWriter

LOST = re.compile(rb"lost (\d+): (.*)")


def lines_lost(count: int, why: str) -> bytes:
    """The notice, as a short line."""
    return f"lost {count}: {why}".encode()


def until(holds: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


class Sink:
    """A writer's other end, and what was read there."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.writers: list[LogWriter] = []
        self.writer = self.another()
        self.heard = b""

    def another(self) -> LogWriter:
        """One more writer, as another process has one."""
        self.writers.append(LogWriter(self.writing, lines_lost))
        return self.writers[-1]

    def read(self, timeout_s: float = 0.3) -> list[bytes]:
        """All lines until the writers have written what they had, and nothing comes for a while."""
        while select.select([self.reading], [], [], timeout_s)[0] or not all(one._idle for one in self.writers):
            if not select.select([self.reading], [], [], 0)[0]:
                continue
            try:
                got = os.read(self.reading, 65536)
            except OSError:  # a terminal that went away
                break
            if not got:
                break
            self.heard += got
        return self.heard.splitlines()

    def close_reader(self) -> None:
        """Go away."""
        os.close(self.reading)
        self.reading = -1

    def end(self) -> None:
        """Close both ends, after the last thread has let go of them."""
        if self.reading != -1:
            self.close_reader()
        for writer in self.writers:
            writer.close()
            if writer._thread is not None:
                writer._thread.join(10)
        os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Sink]:
    """A plain pipe."""
    made = Sink(*os.pipe())
    yield made
    made.end()


@pytest.fixture(params=["pipe", "non-blocking pipe", "socket", "terminal"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    """Whatever stdout can be that can stall."""
    if request.param == "socket":
        reading, writing = (one.detach() for one in socket.socketpair())
    elif request.param == "terminal":
        reading, writing = pty.openpty()
    else:
        reading, writing = os.pipe()
        os.set_blocking(writing, "non" not in request.param)
    made = Sink(reading, writing)
    yield made
    made.end()


def numbered(count: int, size: int = 200) -> list[bytes]:
    """Lines of one size that one can tell apart."""
    return [f"{number} ".encode().ljust(size, b"x") for number in range(count)]


def told(lines: list[bytes]) -> int:
    """How many lost lines the notices among these speak of."""
    return sum(int(found[1]) for line in lines if (found := LOST.fullmatch(line)))


def test_lines_are_written_together_and_in_order(pipe: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever thread they come from; a warning takes along what waits before it."""
    written: list[bytes] = []
    write = os.write

    def noting(descriptor: int, data: bytes) -> int:
        written.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", noting)
    monkeypatch.setattr(log_writer, "TOGETHER_S", 1.0)
    pipe.writer.later(b"a")
    pipe.writer.later(b"b")
    elsewhere = threading.Thread(target=pipe.writer.later, args=(b"from elsewhere",))
    elsewhere.start()
    elsewhere.join()
    assert written == []
    until(lambda: written)
    assert written == [b"a\nb\nfrom elsewhere\n"]
    monkeypatch.setattr(log_writer, "TOGETHER_S", 3600)
    pipe.writer.later(b"c")
    pipe.writer.now(b"at once")
    until(lambda: len(written) == 2)
    pipe.writer.close()
    assert pipe.read() == [b"a", b"b", b"from elsewhere", b"c", b"at once"]


def test_a_reader_that_stops_holds_nobody_up_and_hears_what_was_lost(sink: Sink) -> None:
    """Memory stays bounded meanwhile; then each line is there once and whole, or counted."""
    lines = numbered(20_000)
    slowest_s = 0.0
    for line in lines:
        since = time.monotonic()
        sink.writer.later(line)
        slowest_s = max(slowest_s, time.monotonic() - since)
    assert slowest_s < 10, "it waits for a reader, of whom there is none in this test so far"
    assert sink.writer._bytes <= BYTES_MAX
    assert len(sink.writer._waiting) <= LINES_MAX
    assert sink.writer.lost > 0
    heard = sink.read()
    kept = [line for line in heard if not LOST.fullmatch(line)]
    numbers = [int(line.split()[0]) for line in kept]
    assert numbers == sorted(set(numbers))
    assert set(kept) <= set(lines)
    assert len(kept) + sink.writer.lost == len(lines)
    until(lambda: told(sink.read()) == sink.writer.lost)
    sink.writer.now(b"and on")
    assert sink.read()[-1] == b"and on"


def test_what_is_urgent_still_finds_room_where_the_usual_does_not(pipe: Sink) -> None:
    """A warning among thousands of usual lines is not the one that is lost."""
    for line in numbered(LINES_MAX):
        pipe.writer.later(line)
    assert pipe.writer.lost > 0
    assert len(pipe.writer._waiting) == LINES_MAX * USUAL_SHARE or pipe.writer._bytes > BYTES_MAX * USUAL_SHARE - 300
    before = pipe.writer.lost
    pipe.writer.now(b"a warning")
    assert pipe.writer.lost == before
    assert b"a warning" in pipe.read()


def test_the_end_does_not_wait_for_a_reader(sink: Sink) -> None:
    """Not longer than a moment; where somebody reads, all is written."""
    sink.writer.later(b"first")
    sink.writer.close()
    assert sink.read() == [b"first"]
    stalled = sink.another()
    for line in numbered(5000):
        stalled.now(line)
    since = time.monotonic()
    stalled.close()
    assert time.monotonic() - since < CLOSE_S + 10, "it waits for a reader, of whom there is none in this test"


def test_a_reader_that_dies_costs_lines_and_nothing_else(sink: Sink) -> None:
    """In the middle of a stall, too."""
    for line in numbered(2000):
        sink.writer.later(line)
    sink.close_reader()
    until(lambda: not sink.writer._waiting and sink.writer.lost)
    before = sink.writer.lost
    sink.writer.now(b"an error")
    until(lambda: sink.writer.lost == before + 1)
    sink.writer.close()


def test_a_new_reader_of_a_fifo_hears_what_was_lost(tmp_path: Path) -> None:
    """The log goes on where it can."""
    path = tmp_path / "log"
    os.mkfifo(path)
    first = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(first, os.open(path, os.O_WRONLY))
    sink.writer.now(b"heard")
    assert sink.read() == [b"heard"]
    sink.close_reader()
    for number in range(3):
        sink.writer.now(b"lost")
        until(lambda number=number: sink.writer.lost == number + 1)  # type: ignore[misc]
    sink.reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    until(lambda: b"lost 3: Broken pipe" in sink.read())  # by itself, without another line
    sink.end()


def test_a_full_disk_and_a_descriptor_that_takes_nothing() -> None:
    """Each line is counted, in whatever way it is refused."""
    for path, flags in (("/dev/full", os.O_WRONLY), ("/dev/null", os.O_RDONLY)):
        descriptor = os.open(path, flags)
        writer = LogWriter(descriptor, lines_lost)
        for line in numbered(100):
            writer.later(line)
        writer.close()
        until(lambda writer=writer: writer.lost == 100)  # type: ignore[misc]
        os.close(descriptor)


@pytest.mark.parametrize("taken", [1, 5, 6, 8])
def test_a_line_that_was_half_written_does_not_run_into_the_next(
    taken: int, pipe: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that becomes full within a line, and has room again: the next line begins on one of its own."""
    write = os.write
    answers: list[int | OSError] = [taken, OSError(errno.ENOSPC, "No space left on device")]

    def filling(descriptor: int, data: bytes) -> int:
        answer = answers.pop(0) if answers else len(data)
        if isinstance(answer, OSError):
            raise answer
        return write(descriptor, data[:answer])

    monkeypatch.setattr(os, "write", filling)
    pipe.writer.later(b"first")
    pipe.writer.later(b"second")
    until(lambda: pipe.writer.lost)
    pipe.writer.now(b"third")
    until(lambda: b"third" in pipe.read(0.05))
    lost = 2 if taken <= 5 else 1
    assert pipe.heard.splitlines()[-2:] == [b"lost %d: No space left on device" % lost, b"third"]
    assert pipe.heard.startswith(b"first\nsecond"[:taken] + (b"\n" if taken != 6 else b""))


def test_a_partial_write_goes_on_where_it_ended(pipe: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte if need be."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1]))
    pipe.writer.later(b"first")
    pipe.writer.later(b"second")
    assert pipe.read() == [b"first", b"second"]


def test_lines_of_two_processes_do_not_run_into_each_other(pipe: Sink) -> None:
    """On a pipe that is full all the time, and whatever their lengths."""
    fcntl.fcntl(pipe.writing, fcntl.F_SETPIPE_SZ, 4096)
    other = pipe.another()
    sizes = (10, 300, PIECE_BYTES_MAX - 1, 2000)
    for number in range(200):
        for writer, letter in ((pipe.writer, b"a"), (other, b"b")):
            writer.now(letter * sizes[number % len(sizes)])
    lines = pipe.read(1)
    assert len(lines) == 400 - pipe.writer.lost - other.lost + sum(map(bool, (pipe.writer.lost, other.lost)))
    for line in lines:
        assert LOST.fullmatch(line) or (len(set(line)) == 1 and len(line) in sizes)


def test_a_system_without_threads_costs_lines_and_nothing_else(pipe: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is written as soon as there is one."""

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", none_left)
        pipe.writer.later(b"a")
        pipe.writer.now(b"b")
    pipe.writer.later(b"c")
    assert pipe.read() == [b"a", b"b", b"c"]


def test_a_fault_in_the_thread_does_not_end_the_log(pipe: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory for a moment, as an example."""
    monkeypatch.setattr(log_writer, "RETRY_S", 0.05)
    write = os.write
    faults = [MemoryError()]

    def sometimes(descriptor: int, data: bytes) -> int:
        if faults:
            raise faults.pop()
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", sometimes)
    pipe.writer.now(b"a")
    until(lambda: not faults)
    pipe.writer.now(b"b")
    until(lambda: b"b" in pipe.read(0.05))
