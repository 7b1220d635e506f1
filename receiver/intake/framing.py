"""Where, in the bytes of a connection, a request's head and its body end, and how many of them are no body. Pure.

The parser says what the bytes mean and goes on to the next request by itself; it cannot be told to wait. So it is given
no more than to the end of one request, and that end is found here. What is found wrongly costs nothing but that: the
parser alone decides what is a request, and a second one that begins while the first is in hand is refused.
"""

from __future__ import annotations

END_OF_HEAD = b"\r\n\r\n"
SIZE_LINE_BYTES_MAX = 32
"""As much of a chunk's line as is kept to read its size, which has at most 16 digits."""

LINES_MAX = 64
"""Chunks that the parser is given at once: each costs as much as a large piece, and others wait meanwhile."""


class Framing:
    """Of one connection, from request to request."""

    __slots__ = (
        *("_body_left", "_chunk_left", "_chunked", "_in_trailer", "_line", "_tail"),
        *("body_bytes", "in_head", "other_bytes"),
    )

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The request has ended; what comes belongs to the next one."""
        self.other_bytes = 0
        """Bytes since the end of the last request that are no body: empty lines, request line, headers, sizes and
        extensions of chunks, trailers."""
        self.body_bytes = 0
        """Bytes of this request's body so far."""
        self.in_head = True
        """Its headers have not ended."""
        self._tail = b""
        self._body_left = 0
        self._chunked, self._in_trailer, self._chunk_left, self._line = False, False, 0, b""

    def cut(self, data: bytes) -> int:
        """How many bytes of ``data``, at least one, the parser may have at once; they are counted as no body."""
        if self.in_head:
            size = self._to_end_of_head(data)
        elif self._chunked:
            size = self._to_end_of_chunks(data)
        else:
            size = min(len(data), max(1, self._body_left))
        self.other_bytes += size
        return size

    def head_ended(self, length: int, *, chunked: bool) -> None:
        """The parser has seen all headers; a body of ``length`` bytes follows, or one in chunks."""
        self.in_head = False
        self._chunked = chunked
        self._body_left = length
        self._tail = b""

    def body(self, size: int) -> None:
        """So many of the bytes that were counted were body."""
        self.other_bytes -= size
        self.body_bytes += size
        self._body_left -= size

    def _to_end_of_head(self, data: bytes) -> int:
        if not self._tail and data[0] in b"\r\n":
            return len(data) - len(data.lstrip(b"\r\n"))  # empty lines before a request, in one piece
        seen = self._tail + data
        at = seen.find(END_OF_HEAD)
        size = len(data) if at < 0 else at + len(END_OF_HEAD) - len(self._tail)
        self._tail = seen[: len(self._tail) + size][-len(END_OF_HEAD) + 1 :]
        return size

    def _to_end_of_chunks(self, data: bytes) -> int:
        at, end, lines = 0, len(data), 0
        while at < end and lines < LINES_MAX:
            if self._chunk_left:
                step = min(self._chunk_left, end - at)
                self._chunk_left -= step
                at += step
                continue
            lines += 1
            newline = data.find(b"\n", at)
            stop = end if newline < 0 else newline + 1
            self._line = (self._line + data[at:stop])[:SIZE_LINE_BYTES_MAX]
            at = stop
            if newline >= 0 and self._line_ends_body():
                return at
        return at

    def _line_ends_body(self) -> bool:
        # The line of a chunk's size, or of the trailer, which an empty one ends.
        line, self._line = self._line, b""
        if self._in_trailer:
            return not line.strip()
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return True  # the parser refuses it
        self._in_trailer = size == 0
        self._chunk_left = size + len(b"\r\n") if size else 0
        return False
