"""Providers come in by their entry points, ours like anybody's, and one that cannot is named."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import pytest

from receiver.model.errors import ConfigurationError
from receiver.providers.registry import FIRST, GROUP, body_fields, built_in, load, providers, shown_headers

OURS = tuple(entry for entry in entry_points(group=GROUP) if entry.name in FIRST)


def entry(name: str, value: str) -> EntryPoint:
    """An entry point of a distribution that has no name."""
    return EntryPoint(name, value, GROUP)


def test_ours_are_there_in_their_order() -> None:
    """Whatever order their distribution lists them in."""
    assert tuple(load(reversed(OURS))) == tuple(load(OURS)) == FIRST
    assert tuple(provider.slug for provider in built_in()) == FIRST == tuple(providers())[: len(FIRST)]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([entry("x", "no_such_module_of_anybody:PROVIDER")], "provider x of an unknown distribution: no_such_module"),
        ([entry("x", "receiver.providers.calypso.callbacks:NOTHING")], "AttributeError"),
        ([entry("x", "receiver.providers.calypso.callbacks:SLUG")], "SLUG is no receiver.providers.contract.Provider"),
        (
            [*OURS, entry("x", "receiver.providers.calypso.callbacks:PROVIDER")],
            ": provider calypso of exchange-webhook-receiver is called calypso too",
        ),
        ([], "no package with an entry point receiver.providers is installed"),
    ],
)
def test_what_cannot_be_a_provider_is_named(entries: list[EntryPoint], fault: str) -> None:
    """By its entry point and its distribution: nobody knows which of many packages it was otherwise."""
    with pytest.raises(ConfigurationError) as refused:
        load(entries)
    assert fault in str(refused.value)


def test_all_faults_are_given_at_once() -> None:
    """One broken package does not hide another."""
    with pytest.raises(ConfigurationError) as refused:
        load([*OURS, entry("x", "nowhere_at_all:A"), entry("y", "nowhere_at_all:B")])
    assert len(refused.value.faults) == 2


def test_body_fields_are_those_of_all() -> None:
    """An export does not know which provider sent a body."""
    fields = body_fields()
    assert fields.cards >= {"cardNumber", "to", "address", "destination"}
    assert fields.ids >= {"id", "data.idempotencyKey", "data.transactionId", "data.transactionHash"}
    assert fields.amounts >= {"spendAmount", "fee", "amountFromUSD", "rate", "data.realAmount", "paidFee"}
    assert not fields.amounts & {"meta", "cardNumber", "data.message", "to"}


def test_shown_headers_are_those_that_contracts_name_without_signatures() -> None:
    """A signature of one provider is not shown though another might have a harmless header of that name."""
    assert shown_headers() >= {b"timestamp", b"merchant-id", b"x-api-public-key", b"key"}
    assert not shown_headers() & {b"signature", b"x-api-signature", b"sign"}
