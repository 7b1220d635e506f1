"""Where a request ends: at the same byte however the stream is cut, and never beyond it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from receiver.intake.framing import Framing

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"


def fed(pieces: list[bytes], head_ends: Callable[[Framing], None]) -> tuple[bytes, Framing]:
    """What a parser was given up to the end of the head, or all; ``head_ends`` is called there, once."""
    framing, given = Framing(), b""
    for piece in pieces:
        rest = piece
        while rest:
            size = framing.cut(rest)
            assert size >= 1
            given, rest = given + rest[:size], rest[size:]
            if framing.in_head and given.lstrip(b"\r\n").endswith(b"\r\n\r\n"):
                head_ends(framing)
    return given, framing


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_the_head_ends_at_its_empty_line(size: int) -> None:
    """What follows is given apart, also behind empty lines that came first."""
    framing, stream = Framing(), b"\r\n\r\n\n" + HEAD
    at = 0
    while at < len(stream):
        data = stream[at : at + size]
        if at + size >= len(stream):
            data += b"GET / HTTP/1.1\r\n\r\n"
        at += framing.cut(data)
    assert at == len(stream)
    assert framing.other_bytes == len(stream)


@pytest.mark.parametrize("length", [1, 10, 100_000])
def test_a_body_of_known_length_ends_where_it_says(length: int) -> None:
    """One byte less than is there is left for the next request."""
    framing = Framing()
    framing.head_ended(length, chunked=False)
    left = length
    while left:
        size = framing.cut(b"x" * min(7000, left) + (b"G" if left <= 7000 else b""))
        framing.body(size)
        left -= size
    assert (framing.body_bytes, framing.other_bytes) == (length, 0)


def test_chunks_end_with_the_line_behind_the_trailer() -> None:
    """With extensions and trailers, cut at random; the next request's first byte is never given."""
    chance = random.Random(5)
    body = b"5;a=b\r\nhello\r\n" + b"15E\r\n" + b"\r\n0\r\n\r\n" * 50 + b"\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n"
    for _ in range(200):
        framing = Framing()
        framing.head_ended(0, chunked=True)
        given, stream = 0, body + b"GET / HTTP/1.1\r\n\r\n"
        while given < len(body):
            given += framing.cut(stream[given : given + chance.randrange(1, 40)])
        assert given == len(body)


def test_many_chunks_are_given_in_several_pieces() -> None:
    """Each is a call of the parser's, and others wait meanwhile."""
    framing = Framing()
    framing.head_ended(0, chunked=True)
    stream = b"1\r\nx\r\n" * 5000
    assert framing.cut(stream) < 1000


@pytest.mark.parametrize("line", [b"no\r\n", b"\r\n", b";\r\n", b"-1\r\n", b"f" * 5000 + b"\r\n"])
def test_a_size_that_is_none_is_left_to_the_parser(line: bytes) -> None:
    """It is given what came, and refuses it."""
    framing = Framing()
    framing.head_ended(0, chunked=True)
    assert framing.cut(line + b"rest") >= 1


def test_bytes_are_counted_from_request_to_request() -> None:
    """What is no body has a budget that begins anew with each."""
    _, framing = fed([HEAD], lambda framing: framing.head_ended(5, chunked=False))
    framing.cut(b"hello")
    framing.body(5)
    assert (framing.other_bytes, framing.body_bytes) == (len(HEAD), 5)
    framing.begin()
    assert (framing.other_bytes, framing.body_bytes, framing.in_head) == (0, 0, True)
