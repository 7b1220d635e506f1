"""Our own providers pass the suite that anybody's does, and some checks that are only theirs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from exchange_events.publish import FOLDER
from receiver.model.callback import RawCallback
from receiver.providers.calls import Access
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Provider, Source, refusal
from receiver.providers.cryptoexchange import callbacks as cryptoexchange
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.registry import built_in
from receiver.providers.samples import bodies
from receiver.providers.signing import digest
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox.conformance import ApiConformance, CallbackConformance, Conformance, SilentConformance
from tests.support import NOW_S, Way, calypso_source, onchainpay_source, order_source, oxpay_source

HERE = Path(__file__).parent
EVENTS = sorted(HERE.glob("*/events/*.json"))


class TestZeroxpay(CallbackConformance):
    """0xpay."""

    provider = zeroxpay.PROVIDER
    source = oxpay_source()
    events = HERE / "zeroxpay" / "events"
    hinted_only = frozenset({
        ("exchange", "Exchanged"),  # copied wording on the Exchange page hints at it
        ("fiat_withdraw", "Pending"),  # one row of statuses for both withdraws
        ("crypto_invoice", "Failed"),  # of the older word for it
    })  # fmt: skip


class TestOnchainpay(CallbackConformance, ApiConformance):
    """OnchainPay."""

    provider = onchainpay.PROVIDER
    source = onchainpay_source()
    events = HERE / "onchainpay" / "events"


class TestCalypso(CallbackConformance, ApiConformance):
    """Calypso."""

    provider = calypso.PROVIDER
    source = calypso_source(access=Access("https://api.calypso.money", None))
    events = HERE / "calypso" / "events"
    # Words of payoutStatus in a public schema; no body of them is known.
    hinted_only = frozenset(("payout", word) for word in ("CREATION_IN_PROGRESS", "PENDING_CONFIRMATION", "CONFIRMED"))


class TestCryptoExchange(SilentConformance, ApiConformance):
    """CryptoExchange."""

    provider = cryptoexchange.PROVIDER
    source = order_source()


OURS: tuple[type[Conformance], ...] = (TestZeroxpay, TestOnchainpay, TestCalypso, TestCryptoExchange)
CALLERS: list[tuple[Provider, Source]] = [
    (suite.provider, suite.source) for suite in OURS if suite.source is not None and suite.provider.calls_back
]


def test_every_provider_of_ours_is_held_to_the_suite() -> None:
    """None comes into the registry without it."""
    assert [suite.provider for suite in OURS] == list(built_in())


def test_an_empty_secret_signs_nothing() -> None:
    """It fails closed: an empty key would make everybody's digest right."""
    with pytest.raises(ValueError, match="empty secret"):
        digest(b"", b"message", "sha256")


def test_our_own_apis_are_asked_at_the_usual_pace() -> None:
    """A minute in the first hour, ten up to 48 h, then hourly; or by a list alone."""
    for api in (provider.api for provider in built_in() if provider.api is not None):
        intervals = [api.interval_s(age_s) for age_s in (0, 3599, 3600, 172_799, 172_800, 1e9)]
        assert intervals in ([60, 60, 600, 600, 3600, 3600], [None] * 6)


@pytest.mark.parametrize(("provider", "source"), CALLERS, ids=lambda value: getattr(value, "slug", ""))
def test_a_refusal_is_the_reason_and_none_where_it_is_genuine(provider: Provider, source: Source) -> None:
    """As of the time of receipt."""
    signed = provider.sign(b"{}", source, NOW_S)
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, signed, b"{}")) is None
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, signed, b"{ }")) == "signature"
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, (), b"{}")) == "header_missing"


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_expected_event_fits_the_published_schema(path: Path) -> None:
    """The schema and what we publish say the same; the suite holds it against the model."""
    schema = orjson.loads((FOLDER / "status_event.v1.schema.json").read_bytes())
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(orjson.loads(path.read_bytes()))


@pytest.mark.parametrize(
    ("provider", "source", "scenario"),
    [(*caller, scenario) for caller in CALLERS if caller[0].samples for scenario in caller[0].samples.scenarios],
    ids=lambda value: getattr(value, "name", getattr(value, "slug", "")),
)
async def test_every_simulated_scenario_is_understood_through_http(
    provider: Provider, source: Source, scenario: Any
) -> None:
    """All of it is answered 200 and becomes events, one for each distinct step."""
    made = list(bodies(scenario, source, random.Random(7), NOW_S))
    events = await Way((provider, source)).events(source.name, made)
    assert [event["provider_status"] for event in events] == [
        step.partition(":")[0] for step in dict.fromkeys(scenario.steps)
    ]
