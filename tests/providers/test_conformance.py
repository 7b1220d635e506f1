"""One suite over every provider: whoever is added to the registry is held to the same promises."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from receiver.callback import Headers, RawCallback
from receiver.errors import Unauthorized
from receiver.provider import Provider, Source
from receiver.providers import PROVIDERS
from receiver.scenarios import SCENARIOS, bodies
from receiver.signing import digest
from schemas.publish import FOLDER
from schemas.status_event import StatusEvent
from tests.support import NOW_S, Way, calypso_source, onchainpay_source, oxpay_source

SOURCES: dict[str, Source] = {
    "0xpay": oxpay_source(),
    "onchainpay": onchainpay_source(),
    "calypso": calypso_source(),
}
EVENTS = Path(__file__).parent / "events"
BODY = b'{"id": "a", "status": "Done"}'
every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))


def admit(provider: Provider, source: Source, headers: Headers, body: bytes = BODY, now_s: int = NOW_S) -> None:
    """Claim, then verify, as ``admit`` does; raises ``Unauthorized``."""
    claim = provider.claim(headers, source, now_s)
    verified = provider.verify(RawCallback(source.name, now_s * 1_000_000, headers, body), claim, source)
    assert (verified.body, verified.headers, verified.source) == (body, headers, source.name)


def with_secrets(source: Source, *secrets: bytes) -> Source:
    """The same source with other live secrets."""
    fields = {name: getattr(source, name) for name in Source.__slots__}
    if source.keys:
        return Source(**(fields | {"keys": {next(iter(source.keys)): secrets}}))
    return Source(**(fields | {"secrets": secrets}))


@every_provider
def test_what_it_signs_it_verifies(provider: Provider) -> None:
    """``sign`` is the provider's part, ``verify`` ours."""
    source = SOURCES[provider.slug]
    admit(provider, source, provider.sign(BODY, source, NOW_S))


@every_provider
def test_any_changed_byte_of_the_body_is_refused(provider: Provider) -> None:
    """Also one that is added or missing at the end."""
    source = SOURCES[provider.slug]
    signed = provider.sign(BODY, source, NOW_S)
    changed = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
    for body in (*changed, BODY + b"\n", BODY[:-1], b""):
        with pytest.raises(Unauthorized):
            admit(provider, source, signed, body)


@every_provider
def test_each_header_is_needed_once_and_in_shape(provider: Provider) -> None:
    """Missing, repeated even if equal, empty, padded, non-ASCII, very long: 401, and never another error."""
    source = SOURCES[provider.slug]
    signed = provider.sign(BODY, source, NOW_S)
    for at, (name, value) in enumerate(signed):
        rest = (*signed[:at], *signed[at + 1 :])
        odd = [b"", b" " + value, value + b" ", value + b"\n", "é".encode("latin-1") * 64, b"\xff" * 64, b"a" * 10_240]
        for headers in (rest, (*signed, (name, value)), *((*rest, (name, other)) for other in odd)):
            with pytest.raises(Unauthorized):
                admit(provider, source, headers)


@every_provider
def test_several_secrets_are_live_while_they_rotate(provider: Provider) -> None:
    """The old and the new one are accepted, a third is not, and none at all lets nobody in."""
    source = SOURCES[provider.slug]
    old, new, other = (with_secrets(source, secret) for secret in (b"old", b"new", b"other"))
    both = with_secrets(source, b"new", b"old")
    for signer in (old, new):
        admit(provider, both, provider.sign(BODY, signer, NOW_S))
    for verifier in (both, with_secrets(source)):
        with pytest.raises(Unauthorized):
            admit(provider, verifier, provider.sign(BODY, other, NOW_S))


def test_an_empty_secret_signs_nothing() -> None:
    """It fails closed: an empty key would make everybody's digest right."""
    with pytest.raises(ValueError, match="empty secret"):
        digest(b"", b"message", "sha256")


@every_provider
@given(headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=100)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_no_headers_raise_anything_but_unauthorized(provider: Provider, headers: list[tuple[bytes, bytes]]) -> None:
    """Junk gets a 401 from a bounded amount of work, never a 500."""
    names = [name for name, _ in provider.sign(BODY, SOURCES[provider.slug], NOW_S)]
    for sent in (headers, [(names[at % len(names)], value) for at, (_, value) in enumerate(headers)]):
        with pytest.raises(Unauthorized):
            admit(provider, SOURCES[provider.slug], tuple(sent))


@every_provider
def test_the_lifecycle_tables_are_sound(provider: Provider) -> None:
    """Two words share a rank only where both are terminal, which ``conflict`` relies on; one name is one family."""
    kinds = provider.kinds.values()
    assert len({(kind.name, kind.family) for kind in kinds}) == len({kind.name for kind in kinds})
    for kind in provider.kinds.values():
        steps = list(kind.statuses.values())
        assert any(step.terminal for step in steps)
        same = [other for other in provider.kinds.values() if other.name == kind.name]
        for word, step in kind.statuses.items():
            assert all(other.statuses.get(word, step) == step for other in same)
        ranks = [step.rank for step in steps]
        for step in steps:
            assert step.rank >= 0
            assert step.terminal or ranks.count(step.rank) == 1
            assert not step.terminal or step.rank == max(ranks)


@every_provider
def test_every_declared_status_has_a_sample_on_disk(provider: Provider) -> None:
    """A table row without a body of its own would be a guess; rows that the docs only hint at have theirs too."""
    seen = {
        (event["kind"], event["provider_status"])
        for path in (EVENTS / provider.slug).glob("*.json")
        for event in [orjson.loads(path.read_bytes())]
    }
    declared = {(kind.name, word) for kind in provider.kinds.values() for word in kind.statuses}
    assert declared - seen == HINTED_ONLY.get(provider.slug, set())


HINTED_ONLY = {
    "0xpay": {
        ("exchange", "Exchanged"),  # copied wording on the Exchange page hints at it
        ("fiat_withdraw", "Pending"),  # one row of statuses for both withdraws
        ("crypto_invoice", "Failed"),  # of the older word for it
    },
    # Words of payoutStatus in a public schema; no body of them is known.
    "calypso": {("payout", word) for word in ("CREATION_IN_PROGRESS", "PENDING_CONFIRMATION", "CONFIRMED")},
}
"""Rows of the mapping of which no body is known."""


@pytest.mark.parametrize("path", sorted(EVENTS.rglob("*.json")), ids=lambda path: path.stem)
def test_every_expected_event_fits_the_published_schema(path: Path) -> None:
    """The schema, the model and what we publish say the same."""
    event = orjson.loads(path.read_bytes())
    schema = orjson.loads((FOLDER / "status_event.v1.schema.json").read_bytes())
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(event)
    assert StatusEvent.model_validate(event).model_dump(mode="json") == event


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_every_simulated_scenario_is_understood(scenario: Any) -> None:
    """What ``simulate`` sends is what the provider would: all of it becomes events, one for each distinct step."""
    way = Way()
    name = {"0xpay": "0xpay-main", "onchainpay": "swaps"}[scenario.provider]
    made = list(bodies(scenario, way.web.sources[name][1], random.Random(7), NOW_S))
    events = await way.events(name, made)
    assert [event["provider_status"] for event in events] == [
        step.partition(":")[0] for step in dict.fromkeys(scenario.steps)
    ]
