"""The quarantine record of a callback that could not be understood, as it is published. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import orjson

from receiver.callback import Headers, InboxEntry, VerifiedCallback
from receiver.exact import from_us
from receiver.ports import OutboxRecord

SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"})
"""Never published, whatever the provider; its signature headers join them."""


def quarantine_value(  # noqa: PLR0913  the record's fields
    entry: InboxEntry,
    *,
    provider: str,
    account: str | None,
    reason: str,
    detail: str,
    signature_headers: frozenset[bytes],
    publish_body: bool,
) -> bytes:
    """Serialise the quarantine record; ``detail`` names a path, never a value."""
    callback = entry.callback
    record = {
        "quarantine_id": str(entry.number),
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


def refused(
    record: OutboxRecord, entry: InboxEntry | None, why: str, signature_headers: frozenset[bytes]
) -> OutboxRecord:
    """Give what takes the place of a record that Kafka refuses for good.

    An event's place is taken by a quarantine record that names the sequence which consumers will miss; a quarantine
    record's by one without headers and body; and if that is refused too, by one that goes nowhere and stays here.
    """
    if record.record_type == "event":
        said = orjson.loads(record.value)
        value = orjson.loads(_refused_event(record, entry, signature_headers))
        missed = f"consumers will miss sequence {said['sequence']} of {record.operation_id}"
        value |= {"reason": "too_large_for_broker", "detail": f"$: refused by Kafka ({why}); {missed}"}
        record_id = value["quarantine_id"]
    else:
        value = orjson.loads(record.value)
        record_id = record.record_id
        if not value.pop("body_base64", None) and not value["headers"]:
            return replace(record, record_type="withheld")
        value["headers"] = []
    return replace(record, record_type="quarantine", record_id=record_id, value=orjson.dumps(value))


def _refused_event(record: OutboxRecord, entry: InboxEntry | None, signature_headers: frozenset[bytes]) -> bytes:
    if entry is None:  # purged, or taken over from Kafka: what is known is the event itself
        polled = VerifiedCallback(record.source, 0, (), record.value)
        entry = InboxEntry(record.callback or 0, polled)
    value = quarantine_value(
        entry,
        provider=record.provider,
        account=record.account,
        reason="too_large_for_broker",
        detail="",
        signature_headers=signature_headers,
        publish_body=False,
    )
    return orjson.dumps(orjson.loads(value) | {"received_at": record.received_at})


def public_headers(headers: Headers, signature_headers: frozenset[bytes]) -> list[tuple[str, str]]:
    """Give the headers without signatures, authorization and cookies; bytes above ASCII as Latin-1."""
    hidden = SECRET_HEADERS | signature_headers
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in hidden]
