"""Secrets that are there and cannot be right: what an editor, a shell or an env file left around them.

Such a secret is used as it is, since only its provider knows it; but every callback signed with the real one is then
refused with 401. Nothing here ever shows a value.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from receiver.service.config.settings import REFERENCE, Settings, resolve

_MARKS = {
    codecs.BOM_UTF8: "begins with a byte order mark",
    codecs.BOM_UTF16_LE: "is UTF-16, as PowerShell's `>` writes",
    codecs.BOM_UTF16_BE: "is UTF-16",
}
_LINE_ENDS = (b"\n", b"\r")
_QUOTES = "\"'`"
_UNSEEN = "\u00a0\u200b\u200c\u200d\u2060\ufeff"
PEM = b"-----BEGIN "
"""Keys and certificates for TLS have lines."""


def odd_secrets(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each reference whose secret holds what no provider's does: key, reference and what is odd."""
    found = []
    for place, reference in references(settings):
        try:
            secret = resolve(reference, environ)
        except ValueError:
            continue  # it is not there, which is a fault of its own where it matters
        what = _odd(secret)
        if what:
            found.append(f"{place}: the secret behind {reference} {what}")
    return found


def _odd(secret: bytes) -> str | None:
    if secret.startswith(PEM):
        return None
    return next((said for said in (*_by_bytes(secret), *_by_text(secret.decode(errors="ignore")))), None)


def _by_bytes(secret: bytes) -> Iterator[str]:
    yield from (said for mark, said in _MARKS.items() if secret.startswith(mark))
    if not secret.strip():
        yield "is nothing but spaces"
    if secret[-1:] in _LINE_ENDS:
        yield "ends with an empty line: only one trailing newline is dropped"
    if secret[:1] in _LINE_ENDS:
        yield "begins with an empty line"
    if secret.strip() != secret:
        yield "has a space or tab around it"
    if any(end in secret for end in _LINE_ENDS):
        yield "has more than one line"
    if any(byte < 0x20 or byte == 0x7F for byte in secret):
        yield "holds a control character"


def _by_text(secret: str) -> Iterator[str]:
    if secret.strip(_UNSEEN) != secret:
        yield "has an invisible character around it"
    if len(secret) > 1 and secret[0] == secret[-1] and secret[0] in _QUOTES:
        yield "stands in quotation marks, which are part of it: an env file keeps them"


def references(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every reference that is configured: (its place, the reference), as ``sources.0 (main).secrets.0``."""
    for number, source in enumerate(settings.sources):
        yield from _inside(f"sources.{number} ({source.name})", source.model_dump(exclude_unset=True))
    yield from _inside("journal.keys", settings.journal.keys)
    yield from _inside("journal.password", settings.journal.password)
    if settings.kafka is not None:
        yield from _inside("kafka.client", settings.kafka.client)


def _inside(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        yield place, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _inside(f"{place}.{key}", one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _inside(f"{place}.{number}", one)
