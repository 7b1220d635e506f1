"""Answers that are written at once: to a genuine callback, to what is no request, to whose body had to go. Pure."""

from __future__ import annotations

from receiver.model.errors import HeadersTooLarge, Refusal, Unavailable

INVALID = b"Invalid HTTP request received."
ANSWER_400 = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(INVALID), INVALID)
)
ANSWER_200 = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\r\nOK"
"""As uvicorn writes it to a caller that keeps its connection."""


def _answer(kind: type[Refusal], phrase: str, *fields: str) -> bytes:
    body = f'{{"error": "{kind.code}"}}'
    lines = [
        f"HTTP/1.1 {kind.status} {phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *fields,
        "connection: close",
    ]
    return "\r\n".join([*lines, "", body]).encode()


ANSWER_431 = _answer(HeadersTooLarge, "Request Header Fields Too Large")
ANSWER_503 = _answer(Unavailable, "Service Unavailable", f"retry-after: {Unavailable.retry_after_s}")
