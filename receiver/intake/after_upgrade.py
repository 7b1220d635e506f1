"""The ears of a parser that reads a body behind an offered upgrade, and what it is told first (``connection``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from httptools import HttpRequestParser

FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})
"""Fields that say where a body ends, and whether another request may follow. Without ``upgrade`` beside it, the word in
``connection`` offers nothing."""


class Hearing(Protocol):
    """Who hears a parser."""

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""

    def on_message_complete(self) -> None:
        """The request is whole."""

    def on_message_begin(self) -> None:
        """A request line begins."""

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field is complete."""

    def on_headers_complete(self) -> None:
        """All of them are."""


def head_again(version: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A head with the framing of a message and nothing else; ``headers``: names in lower case."""
    framing = b"".join(b"%s: %s\r\n" % field for field in headers if field[0] in FRAMING)
    return b"POST / HTTP/%s\r\n%s\r\n" % (version.encode(), framing)


class AfterUpgrade:
    """Hears the second parser: not the head that it is given again, but all else.

    A parser looks these methods up when it is made, so that they cost nothing where no upgrade was offered.
    """

    def __init__(self, connection: Hearing) -> None:
        self._connection = connection
        self.deaf = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's

    def begin(self, version: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Give the parser the head again; raises ``HttpParserError`` where no body can be read behind that."""
        self.parser.feed_data(head_again(version, headers))
        self.deaf = False

    def on_message_begin(self) -> None:
        """A request line begins."""
        if not self.deaf:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        if not self.deaf:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field is complete, or one of a trailer."""
        if not self.deaf:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        """All of them are."""
        if not self.deaf:
            self._connection.on_headers_complete()
