"""Callbacks as lines of a file: exported from a journal, captured by a browser or by hand. Pure.

An exported line is one JSON object: ``callback`` (the inbox number), ``source``, ``received_at_us``, ``headers`` (pairs
of name and value, Latin-1), ``body_base64``; and, for people, ``received_at``, ``outcome``, ``operation``, ``status``.
``masked`` says that headers were left out or card numbers masked, so that its signature cannot be checked any more.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from receiver.model.callback import Headers, VerifiedCallback
from receiver.model.cards import mask_cards
from receiver.model.errors import ReceiverError
from receiver.model.masked_body import mask_body
from receiver.model.printable import printable_json
from receiver.model.quarantine_record import public_headers
from receiver.model.times import from_us
from receiver.providers.registry import body_fields, shown_headers


def to_line(number: int, callback: VerifiedCallback, about: Mapping[str, Any], *, unmasked: bool) -> bytes:
    """Give a callback as one line of an export, without its newline."""
    headers, body = (callback.headers, callback.body) if unmasked else masked(callback.headers, callback.body)
    line: dict[str, Any] = {
        "callback": number,
        "source": callback.source,
        "received_at": from_us(callback.received_at_us),
        "received_at_us": callback.received_at_us,
        **about,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers],
        "body_base64": base64.b64encode(body).decode(),
    }
    if (headers, body) != (callback.headers, callback.body):
        line["masked"] = True
    return printable_json(orjson.dumps(line))


def masked(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Leave out the headers that could prove anything, and mask card numbers, whoever sent them.

    Without its signature nobody takes the callback a second time.
    """
    shown = public_headers(headers, shown_headers())
    kept = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in shown)
    return kept, mask_body(body, body_fields())


def read_any(text: str, source: str | None, now_us: int) -> Iterator[tuple[int, VerifiedCallback, bool]]:
    """Read an export, a HAR file, or a single ``curl`` command; gives (number, callback, masked).

    ``source`` names it where the file does not; ``now_us`` is the time of receipt where there is none. Nothing of it is
    verified yet. Raises ``ReceiverError`` with the line's number.
    """
    start = text.lstrip()
    if start.startswith("curl"):
        yield 1, _from_curl(start, source, now_us), False
    elif start.startswith("{") and '"log"' in start[:2000] and '"entries"' in start:
        yield from _from_har(start, source, now_us)
    else:
        # Not splitlines: that also splits at characters that a header may hold.
        for place, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _from_line(place, line)


def _from_line(place: int, line: str) -> tuple[int, VerifiedCallback, bool]:
    try:
        said = orjson.loads(line)
        headers = tuple((str(name).encode("latin-1"), str(value).encode("latin-1")) for name, value in said["headers"])
        body = base64.b64decode(said["body_base64"], validate=True)
        callback = VerifiedCallback(str(said["source"]), int(said["received_at_us"]), headers, body)
        return int(said["callback"]), callback, bool(said.get("masked", False))
    except (ValueError, KeyError, TypeError, OverflowError, binascii.Error) as error:
        why = mask_cards(f"{type(error).__name__} {error}")  # which can quote the line
        raise ReceiverError(f"line {place} is no exported callback: {why}") from None


def _from_har(text: str, source: str | None, now_us: int) -> Iterator[tuple[int, VerifiedCallback, bool]]:
    try:
        entries = orjson.loads(text)["log"]["entries"]
        for place, entry in enumerate(entries, start=1):
            request = entry["request"]
            if request["method"] != "POST":
                continue
            data = request.get("postData", {})
            body = data.get("text", "").encode()
            if data.get("encoding") == "base64":
                body = base64.b64decode(body)
            headers = [(header["name"], header["value"]) for header in request["headers"]]
            yield place, _captured(request["url"], headers, body, source, now_us), False
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = mask_cards(f"{type(error).__name__} {error}")
        raise ReceiverError(f"this is no HAR file that can be read: {why}") from None


def _from_curl(text: str, source: str | None, now_us: int) -> VerifiedCallback:
    try:
        words = iter(shlex.split(text.replace("\\\n", " "))[1:])
    except ValueError as error:
        raise ReceiverError(f"this is no curl command that can be read: {error}") from None
    url, headers, body = "", [], b""
    for word in words:
        if word in {"-H", "--header"}:
            name, _, value = next(words, "").partition(":")
            headers.append((name, value.strip()))
        elif word in {"-d", "--data", "--data-raw", "--data-binary", "--data-ascii"}:
            body = next(words, "").encode()
        elif word in {"-X", "--request", "-o", "--output", "-u", "--user"}:
            next(words, "")
        elif not word.startswith("-"):
            url = word
    if not url:
        raise ReceiverError("this curl command names no URL")
    return _captured(url, headers, body, source, now_us)


def _captured(
    url: str, headers: Sequence[tuple[str, str]], body: bytes, source: str | None, now_us: int
) -> VerifiedCallback:
    try:
        name = source or urlsplit(url).path.rstrip("/").rpartition("/")[2]
    except ValueError as error:
        raise ReceiverError(f"this is no URL: {error}") from None
    lower = tuple(
        (key.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for key, value in headers
        if not key.startswith(":")
    )
    return VerifiedCallback(name, now_us, lower, body)


def operation_of(event: Mapping[str, Any] | None, number: int) -> str:
    """What keeps its order: the operation, or the callback by itself where nobody could read it."""
    if event is None:
        return f"callback {number}"
    return "\n".join(str(event[name]) for name in ("provider", "account", "kind", "operation_id"))
