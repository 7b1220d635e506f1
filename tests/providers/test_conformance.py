"""One suite over every provider: whoever is added to the registry is held to the same promises."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from receiver.model.callback import Headers, RawCallback
from receiver.model.errors import NotUnderstood, Unauthorized
from receiver.model.operation import Kind
from receiver.providers.calls import Access, Stamp
from receiver.providers.contract import Claim, Provider, Source
from receiver.providers.registry import PROVIDERS
from receiver.providers.signing import digest
from receiver.sandbox.scenarios import SCENARIOS, bodies
from schemas.publish import FOLDER
from schemas.status_event import StatusEvent
from tests.support import NOW_S, Way, calypso_source, onchainpay_source, order_source, oxpay_source

SOURCES: dict[str, Source] = {
    "0xpay": oxpay_source(),
    "onchainpay": onchainpay_source(),
    "calypso": calypso_source(access=Access("https://api.calypso.money", None)),
    "cryptoexchange": order_source(),
}
EVENTS = Path(__file__).parent / "events"
BODY = b'{"id": "a", "status": "Done"}'
CALLERS = {slug: provider for slug, provider in PROVIDERS.items() if provider.calls_back}
SILENT = {slug: provider for slug, provider in PROVIDERS.items() if not provider.calls_back}
every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
every_caller = pytest.mark.parametrize("provider", CALLERS.values(), ids=list(CALLERS))
every_silent_one = pytest.mark.parametrize("provider", SILENT.values(), ids=list(SILENT))
every_api = pytest.mark.parametrize(
    "provider", [provider for provider in PROVIDERS.values() if provider.api], ids=lambda provider: provider.slug
)


def admit(provider: Provider, source: Source, headers: Headers, body: bytes = BODY, now_s: int = NOW_S) -> None:
    """Claim, then verify, as ``admit`` does; raises ``Unauthorized``."""
    claim = provider.claim(headers, source, now_s)
    verified = provider.verify(RawCallback(source.name, now_s * 1_000_000, headers, body), claim, source)
    assert (verified.body, verified.headers, verified.source) == (body, headers, source.name)


def kinds_of(provider: Provider) -> list[Kind]:
    """All its kinds, those too that only its API tells of."""
    access = SOURCES[provider.slug].access
    polled = provider.api.kinds_of(access).values() if provider.api and access else ()
    return [*provider.kinds.values(), *polled]


def with_secrets(source: Source, *secrets: bytes) -> Source:
    """The same source with other live secrets."""
    fields = {name: getattr(source, name) for name in Source.__slots__}
    if source.keys:
        return Source(**(fields | {"keys": {next(iter(source.keys)): secrets}}))
    return Source(**(fields | {"secrets": secrets}))


@every_caller
def test_what_it_signs_it_verifies(provider: Provider) -> None:
    """``sign`` is the provider's part, ``verify`` ours."""
    source = SOURCES[provider.slug]
    admit(provider, source, provider.sign(BODY, source, NOW_S))


@every_caller
def test_any_changed_byte_of_the_body_is_refused(provider: Provider) -> None:
    """Also one that is added or missing at the end."""
    source = SOURCES[provider.slug]
    signed = provider.sign(BODY, source, NOW_S)
    changed = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
    for body in (*changed, BODY + b"\n", BODY[:-1], b""):
        with pytest.raises(Unauthorized):
            admit(provider, source, signed, body)


@every_caller
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


@every_caller
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


@every_caller
@given(headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=100)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_no_headers_raise_anything_but_unauthorized(provider: Provider, headers: list[tuple[bytes, bytes]]) -> None:
    """Junk gets a 401 from a bounded amount of work, never a 500."""
    names = [name for name, _ in provider.sign(BODY, SOURCES[provider.slug], NOW_S)]
    for sent in (headers, [(names[at % len(names)], value) for at, (_, value) in enumerate(headers)]):
        with pytest.raises(Unauthorized):
            admit(provider, SOURCES[provider.slug], tuple(sent))


@every_silent_one
def test_who_calls_nobody_back_is_refused_whatever_it_sends(provider: Provider) -> None:
    """Without a signature nothing could prove it genuine, so nothing is."""
    for headers in ((), ((b"signature", b"a" * 64),)):
        with pytest.raises(Unauthorized):
            admit(provider, SOURCES[provider.slug], headers)
    with pytest.raises(Unauthorized):
        provider.verify(RawCallback("orders", 0, (), BODY), Claim(b"", (b"x",)), SOURCES[provider.slug])
    assert provider.sign(BODY, SOURCES[provider.slug], NOW_S) == ()
    with pytest.raises(NotUnderstood):
        provider.parse({"id": "a"}, SOURCES[provider.slug])
    assert provider.api is not None


@every_api
def test_an_api_shows_its_sources_secret_to_nobody_and_has_a_pace(provider: Provider) -> None:
    """A call is whole: absolute URL, method, and the same bytes for the same stamp; an open operation is never lost."""
    api = provider.api
    assert api is not None
    access = replace(
        SOURCES[provider.slug].access or Access("https://api.example.com", None), secret=b"made-up", public=b"p"
    )
    identity = "12345"
    assert api.operation_id.fullmatch(identity)
    one, two = (api.get(identity, access, Stamp(NOW_S * 1000, nonce)) for nonce in (1, 1))
    assert one == two
    assert one.url.startswith(access.base_url + "/")
    assert b"made-up" not in one.body
    assert not api.operation_id.fullmatch("a b")
    intervals = [api.interval_s(age_s) for age_s in (0, 3599, 3600, 172_799, 172_800, 1e9)]
    assert intervals in ([60, 60, 600, 600, 3600, 3600], [None] * 6)
    assert intervals[0] is not None or api.lists is not None


@every_provider
def test_the_lifecycle_tables_are_sound(provider: Provider) -> None:
    """Two words share a rank only where both are terminal, which ``conflict`` relies on; one name is one family."""
    kinds = kinds_of(provider)
    assert len({(kind.name, kind.family) for kind in kinds}) == len({kind.name for kind in kinds})
    for kind in kinds:
        steps = list(kind.statuses.values())
        assert any(step.terminal for step in steps)
        same = [other for other in kinds if other.name == kind.name]
        for word, step in kind.statuses.items():
            assert all(other.statuses.get(word, step) == step for other in same)
        ranks = [step.rank for step in steps]
        for step in steps:
            assert step.rank >= 0
            assert step.terminal or ranks.count(step.rank) == 1
            assert not step.terminal or step.rank == max(ranks)


@every_caller
def test_every_declared_status_has_a_sample_on_disk(provider: Provider) -> None:
    """A table row without a body of its own would be a guess; rows that the docs only hint at have theirs too."""
    seen = {
        (event["kind"], event["provider_status"])
        for path in (EVENTS / provider.slug).glob("*.json")
        for event in [orjson.loads(path.read_bytes())]
    }
    declared = {(kind.name, word) for kind in kinds_of(provider) for word in kind.statuses}
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
    name = SOURCES[scenario.provider].name
    way = Way((PROVIDERS[scenario.provider], SOURCES[scenario.provider]))
    made = list(bodies(scenario, way.web.sources[name][1], random.Random(7), NOW_S))
    events = await way.events(name, made)
    assert [event["provider_status"] for event in events] == [
        step.partition(":")[0] for step in dict.fromkeys(scenario.steps)
    ]
