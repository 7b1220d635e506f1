"""The quarantine record: a genuine callback that could not be understood, and why."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from exchange_events.status_event import Timestamp

SCHEMA_ID = "urn:exchange-webhook-receiver:quarantine:v1"

Reason = Literal[
    "not_utf8",
    "not_json",
    "schema",
    "account_mismatch",
    "unknown_kind",
    "unknown_status",
    "too_large_for_broker",
    "internal_error",
]
"""The closed list; of those that hold, the first in this order is given."""


class QuarantineRecord(BaseModel):
    """One callback nobody could read. The body stays in the journal unless ``publish_body`` is set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    quarantine_id: Annotated[
        str, Field(description="the inbox number as text; `poll-` and a number for an answer of an API")
    ]
    provider: str
    source: str
    account: str | None
    reason: Reason
    detail: Annotated[str, Field(description="the offending field's path, never its value")]
    received_at: Timestamp
    headers: Annotated[
        list[tuple[str, str]], Field(description="name and value, without signatures, authorization and cookies")
    ]
    body_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    body_bytes: Annotated[int, Field(ge=0)]
    body_base64: Annotated[str | None, Field(description="only with `publish_body = true`")] = None
