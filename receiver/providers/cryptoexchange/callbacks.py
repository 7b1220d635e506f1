"""CryptoExchange: it calls nobody back, as far as its one known page says, so it is only asked (``api``).

Whatever is sent to a source of it is refused: without a signature nothing could prove it genuine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import NotUnderstood, Unauthorized
from receiver.model.masked_body import BodyFields
from receiver.providers.contract import Claim, Provider, Source
from receiver.providers.cryptoexchange.api import API
from receiver.providers.cryptoexchange.settings import PLACEHOLDERS, TEMPLATE, CryptoExchangeSettings

SLUG = "cryptoexchange"


def claim(headers: Headers, source: Source, now_s: int) -> Claim:
    """Refuse it."""
    del headers, source, now_s
    raise Unauthorized("no_callbacks")


def verify(raw: RawCallback, claimed: Claim, source: Source) -> VerifiedCallback:
    """Refuse it."""
    del raw, claimed, source
    raise Unauthorized("no_callbacks")


def sign(body: bytes, source: Source, now_s: int) -> Headers:
    """There is nothing to sign with."""
    del body, source, now_s
    return ()


def parse(document: Mapping[str, Any], source: Source) -> NoReturn:
    """There is nothing that it could be."""
    del document, source
    raise NotUnderstood("unknown_kind", "$")


PROVIDER = Provider(
    slug=SLUG,
    title="CryptoExchange",
    settings=CryptoExchangeSettings,
    template=TEMPLATE,
    placeholders=PLACEHOLDERS,
    claim=claim,
    verify=verify,
    sign=sign,
    parse=parse,
    normalise=API.normalise,
    kinds={},
    known_fields=frozenset(),
    signature_headers=frozenset(),
    retries_s=(),
    holds_order=False,
    registration="nowhere: it sends no callbacks; it is asked, by `poll`",
    signature="",
    api=API,
    fields=BodyFields(cards=frozenset({"destination"})),
)
