"""AcmePay, an invented provider: the whole of a small one, as a package of its own.

Signature: ``acme-proof`` is lower-case hex of HMAC-SHA256 over the shop's number, a colon and the raw body, keyed with
the shop's secret as text. No timestamp: only the content protects against replay.

Redelivery: after 30 s, 5 min and 1 h, until a 200. No order is promised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from receiver.model import event_parts
from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import NotUnderstood
from receiver.model.masked_body import BodyFields
from receiver.model.operation import Facts, Kind, Step
from receiver.model.values import Amount
from receiver.providers.contract import (
    UNKNOWN_STATUS,
    Chance,
    Claim,
    MadeUp,
    Make,
    Provider,
    Samples,
    Scenario,
    Source,
)
from receiver.providers.parsing import known_fields, text_field, validate
from receiver.providers.samples import digits, fresh_id
from receiver.providers.settings import Reference, SourceSettings
from receiver.providers.signing import digest, only_header, verify_digest

SLUG = "acmepay"
PROOF = b"acme-proof"
SHAPE = re.compile(rb"[0-9a-f]{64}")

LIFECYCLES: Mapping[str, Kind] = {
    "payment": Kind(
        "payment",
        "invoice",
        {
            "OPEN": Step("pending", 0),
            "PAID": Step("completed", 1, terminal=True),
            "VOID": Step("cancelled", 1, terminal=True),
        },
    ),
}


class AcmeSettings(SourceSettings):
    """One shop."""

    secrets: Annotated[list[Reference], Field(description="references to the shop's live secrets")]
    shop: Annotated[int, Field(ge=1, description="the shop's number: it is signed")]


TEMPLATE = """
[[sources]]
name = "acme"                             # enter https://<your host>/webhooks/acme as the shop's callback address
provider = "acmepay"
shop = 1                                  # the shop's number
secrets = ["env:ACME_SECRET"]
"""


class Payment(BaseModel):
    """What it sends: a flat object."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    payment: Annotated[str, Field(min_length=1, max_length=256)]
    state: str
    total: Amount | None = None
    currency: str | None = None
    pan: str | None = None
    """The payer's card number: nothing of it goes into an event."""


def claim(headers: Headers, source: Source, now_s: int) -> Claim:
    """Check the signature's shape; raises ``Unauthorized``. There is no time to check."""
    del now_s
    proof = only_header(headers, PROOF, SHAPE)
    return Claim(bytes.fromhex(proof.decode("ascii")), source.secrets)


def verify(raw: RawCallback, claimed: Claim, source: Source) -> VerifiedCallback:
    """Check the digest over the shop's number and the raw body; raises ``Unauthorized``."""
    return verify_digest(raw, claimed.digest, claimed.secrets, (_message(raw.body, source),), "sha256")


def sign(body: bytes, source: Source, now_s: int) -> Headers:
    """Make the header that it sends, with the first secret."""
    del now_s
    return ((PROOF, digest(source.secrets[0], _message(body, source), "sha256").hex().encode()),)


def _message(body: bytes, source: Source) -> bytes:
    return b"%d:%b" % (source.settings.shop, body)


def parse(document: Mapping[str, Any], source: Source) -> Payment:
    """Read a payment; raises ``NotUnderstood``. Its state is found before the other fields."""
    del source
    state = text_field(document, "state")
    if state is None:
        raise NotUnderstood("schema", "state")
    if state not in LIFECYCLES["payment"].statuses:
        raise NotUnderstood("unknown_status", "state")
    return validate(Payment, document)


def normalise(payload: Payment, source: Source) -> Facts:
    """Put a payment into our words."""
    return Facts(
        account=str(source.settings.shop),
        kind=LIFECYCLES["payment"],
        operation_id=payload.payment,
        provider_status=payload.state,
        received=event_parts.amount(payload.total, payload.currency, None),
    )


def _payment(source: Source, chance: Chance, now_s: int) -> Make:
    del source, now_s
    common = {
        "payment": fresh_id(chance),
        "total": digits(chance, 500, 2),
        "currency": "EUR",
        "pan": "4400000000000008",
    }
    return lambda step: common | {"state": step}


def with_unknown_status(body: bytes) -> bytes:
    """A copy of a payment in a state that nobody knows."""
    return json.dumps(json.loads(body) | {"state": UNKNOWN_STATUS}).encode()


SAMPLES = Samples(
    scenarios=(
        Scenario("payment-paid", _payment, ("OPEN", "PAID")),
        Scenario("payment-void", _payment, ("OPEN", "VOID")),
    ),
    made_up=MadeUp(
        {"name": "acme", "provider": SLUG, "shop": 7, "secrets": ["env:DEV_ACME_SECRET"]},
        {"DEV_ACME_SECRET": "made-up-acme-secret"},
    ),
)

PROVIDER = Provider(
    slug=SLUG,
    title="AcmePay",
    settings=AcmeSettings,
    template=TEMPLATE,
    claim=claim,
    verify=verify,
    sign=sign,
    parse=parse,
    normalise=normalise,
    kinds=LIFECYCLES,
    known_fields=known_fields(Payment),
    signature_headers=frozenset({PROOF}),
    retries_s=(30, 300, 3600),
    holds_order=False,
    registration="the shop's settings, Callback address: the source's URL",
    signature="`acme-proof`: HMAC-SHA256 over the shop's number and the body, hex",
    samples=SAMPLES,
    fields=BodyFields(ids=frozenset({"id"}), cards=frozenset({"pan"})),
    unknown_status=with_unknown_status,
)
