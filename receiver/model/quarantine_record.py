"""The quarantine record of a callback that could not be understood, as it is published. Pure."""

from __future__ import annotations

import base64
import hashlib

import orjson

from receiver.model.callback import Headers, JournalEntry
from receiver.model.times import from_us

SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"})
"""Never published, whatever the provider; its signature headers join them."""
HARMLESS_HEADERS = frozenset({
    b"accept", b"accept-encoding", b"content-encoding", b"content-length", b"content-type", b"date", b"host",
    b"traceparent", b"user-agent", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id",
})  # fmt: skip
"""All that is published where nobody knows any more which header holds the signature: the source is gone from the
configuration, or its provider's package from the machine. A list of what to hide could miss one, so this lists what to
show; the callback itself stays whole in the journal."""


def quarantine_value(  # noqa: PLR0913  the record's fields
    entry: JournalEntry,
    *,
    provider: str,
    account: str | None,
    reason: str,
    detail: str,
    signature_headers: frozenset[bytes] | None,
    publish_body: bool,
) -> bytes:
    """Serialise the quarantine record; ``detail`` names a path, never a value.

    ``signature_headers`` are the provider's, lower case; None where it is not known.
    """
    callback = entry.callback
    record = {
        "quarantine_id": str(entry.id),
        "provider": provider,
        "source": callback.source,
        "account": account,
        "reason": reason,
        "detail": detail,
        "received_at": from_us(callback.received_at_us),
        "headers": public_headers(callback.headers, signature_headers),
        "body_sha256": hashlib.sha256(callback.body).hexdigest(),
        "body_bytes": len(callback.body),
    }
    if publish_body:
        record["body_base64"] = base64.b64encode(callback.body).decode()
    return orjson.dumps(record)


def public_headers(headers: Headers, signature_headers: frozenset[bytes] | None) -> list[tuple[str, str]]:
    """Give the headers without signatures, authorization and cookies; bytes above ASCII as Latin-1.

    Where it is not known which headers are signatures (None), only those that are known to be none.
    """
    names = {name for name, _ in headers}
    shown = names & HARMLESS_HEADERS if signature_headers is None else names - SECRET_HEADERS - signature_headers
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name in shown]
