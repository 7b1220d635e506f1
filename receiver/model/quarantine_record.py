"""The quarantine record of a callback that could not be understood, as it is published. Pure."""

from __future__ import annotations

import base64
import hashlib

import orjson

from receiver.model.callback import SIMULATED, Headers, JournalEntry
from receiver.model.cards import mask_cards
from receiver.model.times import from_us

HARMLESS_HEADERS = frozenset({
    b"accept", b"accept-encoding", b"content-encoding", b"content-length", b"content-type", b"date", b"host",
    b"traceparent", b"user-agent", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id",
    SIMULATED,
})  # fmt: skip
"""All that may leave the journal of any provider's callback, beside what that provider names itself. A list of what to
hide would miss one, so this lists what to show; the callback itself stays whole in the journal."""

WORDS = frozenset({"unknown_kind", "unknown_status"})
"""Reasons that are about one word of the body."""
WORD_CHARACTERS_MAX = 64


def quarantine_value(  # noqa: PLR0913  the record's fields
    entry: JournalEntry,
    *,
    provider: str,
    account: str | None,
    reason: str,
    detail: str,
    shown_headers: frozenset[bytes],
    publish_body: bool,
) -> bytes:
    """Serialise the quarantine record, without a card number but in the body; ``detail`` names a path, never a value.

    ``shown_headers`` are the provider's own that may be shown, lower case; none where it is not known any more.
    ``publish_body`` adds the body, whole.
    """
    callback = entry.callback
    record = {
        "quarantine_id": str(entry.id),
        "provider": provider,
        "source": callback.source,
        "account": account,
        "reason": reason,
        "detail": mask_cards(detail),
        "received_at": from_us(callback.received_at_us),
        "headers": public_headers(callback.headers, shown_headers),
        "body_sha256": hashlib.sha256(callback.body).hexdigest(),
        "body_bytes": len(callback.body),
    }
    if publish_body:
        record["body_base64"] = base64.b64encode(callback.body).decode()
    return orjson.dumps(record)


def public_headers(headers: Headers, shown: frozenset[bytes]) -> list[tuple[str, str]]:
    """Give the headers that are harmless or among ``shown``, card numbers in them masked.

    So there is no signature, authorization or cookie among them. Bytes above ASCII are given as Latin-1.
    """
    names = HARMLESS_HEADERS | shown
    return [(name.decode("latin-1"), _public(value)) for name, value in headers if name in names]


def _public(value: bytes) -> str:
    text = value.decode("latin-1")
    if text.isascii():
        return mask_cards(text)
    # A number with UTF-8's spaces between its groups has Latin-1's letters there.
    masked = mask_cards(value.decode("utf-8", "surrogateescape"))
    return masked.encode("utf-8", "surrogateescape").decode("latin-1")


def offending_word(reason: str, detail: str, body: bytes) -> str:
    """Give the word that nobody knew, masked, from the place in the body that ``detail`` names.

    Empty where it is about no word. The record has none of the body's values, so this is read from the callback.
    """
    if reason not in WORDS:
        return ""
    try:
        found = orjson.loads(body)
        for name in detail.split("."):
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return mask_cards(found[:WORD_CHARACTERS_MAX]) if isinstance(found, str) else ""
