"""The reader of a log really stalls and dies, and its successor reads on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos.log_reader import PIPE_BYTES, LogReader
from tests.chaos.service import until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the lines come to lie."""
    return tmp_path / "log"


@pytest.fixture
def reader(tmp_path: Path, file: Path) -> Iterator[LogReader]:
    """A reader; it is gone afterwards."""
    made = LogReader(tmp_path / "pipe", file)
    yield made
    made.kill()


def test_it_copies_all_and_outlives_who_writes(reader: LogReader, file: Path) -> None:
    """As a collector does when a service is started again."""
    for text in (b"one\n", b"two\n"):
        with reader.open() as writing:
            writing.write(text)
    assert until(lambda: file.exists() and file.read_bytes() == b"one\ntwo\n")


def test_one_that_stalls_lets_the_pipe_fill(reader: LogReader, file: Path) -> None:
    """Who writes would wait; when it goes on it reads all that was written."""
    with reader.open() as writing:
        writing.write(b"first\n")
        until(lambda: file.exists() and file.read_bytes() == b"first\n")
        reader.stall()
        os.set_blocking(writing.fileno(), False)
        written = 0
        with suppress(BlockingIOError):
            while written <= 64 * PIPE_BYTES:
                written += os.write(writing.fileno(), b"x" * 256)
        assert 0 < written <= PIPE_BYTES
        reader.go_on()
        assert until(lambda: file.stat().st_size == len(b"first\n") + written)


def test_one_that_dies_breaks_the_pipe_and_another_mends_it(reader: LogReader, file: Path) -> None:
    """For whoever has it open already, too."""
    with reader.open() as writing:
        reader.kill()
        with pytest.raises(BrokenPipeError):
            os.write(writing.fileno(), b"lost\n")
        with reader.open():
            os.write(writing.fileno(), b"found\n")
            assert until(lambda: file.exists() and file.read_bytes() == b"found\n")
