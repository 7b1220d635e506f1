"""One suite over every provider, ours and anybody's: to be subclassed in the provider's own tests.

::

    from receiver.sandbox.conformance import CallbackConformance

    class TestAcmePay(CallbackConformance):
        provider = acmepay.PROVIDER
        events = Path(__file__).parent / "events"

A provider that sends callbacks is held to ``CallbackConformance``, one that is only asked to ``SilentConformance``; one
whose API can be asked to ``ApiConformance`` as well. Needs pytest and hypothesis (the extra ``conformance``); nothing
here needs a network, a broker or an account.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_events.status_event import StatusEvent
from receiver.interpret.entry import Rules
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.entries import Stores
from receiver.journal.memory.inbox import MemoryInbox
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.memory.requests import MemoryRequests
from receiver.model.callback import Headers, JournalEntry, RawCallback, VerifiedCallback
from receiver.model.errors import NotUnderstood, Unauthorized
from receiver.model.operation import Kind
from receiver.providers.calls import Access, Stamp
from receiver.providers.contract import Claim, MadeUp, Provider, Samples, Source
from receiver.providers.samples import bodies
from receiver.sandbox.samples import made_up_source

NOW_S = 1_716_800_130
"""The time of all checks, Unix s."""
BODY = b'{"id": "a", "status": "Done"}'
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
RECORD_BYTES_MAX = 1_000_000


class Conformance:
    """What holds for every provider. Subclass one of the classes below."""

    provider: ClassVar[Provider]
    source: ClassVar[Source | None] = None
    """A source of it, ready to sign and to verify; the made-up one of its samples where there is none."""
    events: ClassVar[Path | None] = None
    """Folder of expected events, one JSON file each, in any depth: at least one for each status that is declared."""
    hinted_only: ClassVar[frozenset[tuple[str, str]]] = frozenset()
    """(kind, status word) of rows of which no body is known, so that there can be no event of them."""

    @property
    def configured(self) -> Source:
        """The source that is used."""
        return self.source or made_up_source(self.provider, self.samples.made_up)

    @property
    def samples(self) -> Samples:
        """Its samples, which whoever sends callbacks must have."""
        assert self.provider.samples is not None, "a provider that sends callbacks needs samples"
        return self.provider.samples

    def kinds(self) -> tuple[Kind, ...]:
        """All its kinds, those too that only its API tells of."""
        return self.provider.all_kinds(self.configured)

    def test_it_is_held_to_all_that_it_claims_to_be(self) -> None:
        """Who has an API passes the checks of one, and who sends callbacks those of signatures."""
        assert isinstance(self, CallbackConformance) is self.provider.calls_back
        assert isinstance(self, ApiConformance) is (self.provider.api is not None)
        assert SLUG.fullmatch(self.provider.slug)
        assert self.configured.provider == self.provider.slug

    def test_the_template_is_sound_once_its_secrets_exist(self) -> None:
        """What ``receiver init`` writes is what ``receiver check`` accepts, once it is filled in."""
        assert self.provider.template.startswith("\n")
        (table,) = tomllib.loads(self.provider.template)["sources"]
        names = re.findall(r"env:(\w+)", self.provider.template)
        source = made_up_source(self.provider, MadeUp(table, dict.fromkeys(names, "made-up")))
        assert source.provider == self.provider.slug

    def test_each_placeholder_stands_in_the_template(self) -> None:
        """Under its key, so that ``receiver check`` knows its value and can say what to put there."""
        (table,) = tomllib.loads(self.provider.template)["sources"]
        for key, put in self.provider.placeholders.items():
            value: Any = table
            for name in key.split("."):
                value = value[name]
            assert isinstance(value, str), key
            assert put, key

    def test_the_lifecycle_tables_are_sound(self) -> None:
        """Two words share a rank only where both are terminal, which ``conflict`` relies on; one name is one family."""
        kinds = self.kinds()
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

    def test_header_names_are_lower_case(self) -> None:
        """As they come: a name with a capital would hide nothing."""
        provider = self.provider
        for name in (*provider.signature_headers, *provider.replaced_headers, *provider.public_headers):
            assert name == name.lower()

    def test_no_signature_is_public(self) -> None:
        """Whoever is shown a callback could send it again otherwise."""
        assert not self.provider.public_headers & self.provider.signature_headers


class CallbackConformance(Conformance):
    """A provider that sends callbacks: only the genuine get in, and what they say is understood."""

    def signed(self, body: bytes = BODY) -> Headers:
        """The headers that the provider would send now."""
        return self.provider.sign(body, self.configured, NOW_S)

    def test_what_it_signs_it_verifies(self) -> None:
        """``sign`` is the provider's part, ``verify`` ours; of the headers the signature at least is never shown."""
        signed = self.signed()
        admit(self.provider, self.configured, signed)
        assert {name for name, _ in signed} >= self.provider.signature_headers
        assert self.provider.signature_headers
        assert self.provider.timestamp(signed) in {None, NOW_S}

    def test_any_changed_byte_of_the_body_is_refused(self) -> None:
        """Also one that is added or missing at the end."""
        signed = self.signed()
        changed = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
        for body in (*changed, BODY + b"\n", BODY[:-1], b""):
            with pytest.raises(Unauthorized):
                admit(self.provider, self.configured, signed, body)

    def test_each_header_is_needed_once_and_in_shape(self) -> None:
        """Missing, repeated even if equal, empty, padded, non-ASCII, very long: 401, and never another error."""
        signed = self.signed()
        for at, (name, value) in enumerate(signed):
            rest = (*signed[:at], *signed[at + 1 :])
            odd = [b"", b" " + value, value + b" ", value + b"\n"]
            odd += ["é".encode("latin-1") * 64, b"\xff" * 64, b"a" * 10_240]
            for headers in (rest, (*signed, (name, value)), *((*rest, (name, other)) for other in odd)):
                with pytest.raises(Unauthorized):
                    admit(self.provider, self.configured, headers)

    def test_several_secrets_are_live_while_they_rotate(self) -> None:
        """The old and the new one are accepted, a third is not, and none at all lets nobody in."""
        source = self.configured
        old, new, other = (with_secrets(source, secret) for secret in (b"old", b"new", b"other"))
        both = with_secrets(source, b"new", b"old")
        for signer in (old, new):
            admit(self.provider, both, self.provider.sign(BODY, signer, NOW_S))
        for verifier in (both, with_secrets(source)):
            with pytest.raises(Unauthorized):
                admit(self.provider, verifier, self.provider.sign(BODY, other, NOW_S))

    def test_no_headers_raise_anything_but_unauthorized(self) -> None:
        """Junk gets a 401 from a bounded amount of work, never a 500; not from what reads a refused one's time either.

        The headers that the provider signs with get junk too.
        """
        provider, source = self.provider, self.configured
        names = [name for name, _ in self.signed()]

        @given(headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=100)), max_size=5))
        @settings(max_examples=200, deadline=None)
        def junk(headers: list[tuple[bytes, bytes]]) -> None:
            for sent in (headers, [(names[at % len(names)], value) for at, (_, value) in enumerate(headers)]):
                with pytest.raises(Unauthorized):
                    admit(provider, source, tuple(sent))
                assert isinstance(provider.timestamp(tuple(sent)), int | None)

        junk()

    def test_every_declared_status_has_an_expected_event(self) -> None:
        """A table row without a body of its own would be a guess; rows that the docs only hint at are listed."""
        seen = {(event["kind"], event["provider_status"]) for event in self._expected()}
        declared = {(kind.name, word) for kind in self.kinds() for word in kind.statuses}
        assert declared - seen == self.hinted_only

    def test_every_expected_event_fits_the_published_model(self) -> None:
        """What a consumer reads it with."""
        for event in self._expected():
            assert StatusEvent.model_validate(event).model_dump(mode="json") == event

    def _expected(self) -> list[dict[str, Any]]:
        assert self.events is not None, "`events` names the folder of expected events"
        return [orjson.loads(path.read_bytes()) for path in sorted(self.events.rglob("*.json"))]

    def test_every_sample_is_understood(self) -> None:
        """What ``simulate`` sends is what the provider would: all of it becomes events, one for each distinct step."""
        assert self.samples.scenarios
        for scenario in self.samples.scenarios:
            made = list(bodies(scenario, self.configured, random.Random(7), NOW_S))  # noqa: S311  repeatable on purpose
            events = understood(self.provider, self.configured, made)
            words = [event["provider_status"] for event in events]
            assert words == [step.partition(":")[0] for step in dict.fromkeys(scenario.steps)], scenario.name

    def test_an_unknown_status_is_quarantined_without_the_signature(self) -> None:
        """``simulate --unknown`` sends it; whoever reads the quarantine topic could send it again otherwise."""
        for scenario in self.samples.scenarios:
            body = next(bodies(scenario, self.configured, random.Random(7), NOW_S))  # noqa: S311  as above
            (record,) = understood(self.provider, self.configured, [self.provider.unknown_status(body)])
            assert record["reason"] in {"unknown_status", "unknown_kind"}
            assert not {name.encode("latin-1") for name, _ in record["headers"]} & self.provider.signature_headers

    def test_the_made_up_source_is_sound(self) -> None:
        """It signs and verifies, with the secrets that come with it."""
        source = made_up_source(self.provider, self.samples.made_up)
        admit(self.provider, source, self.provider.sign(BODY, source, NOW_S))


class SilentConformance(Conformance):
    """A provider that is only asked: without a signature nothing could prove a callback genuine, so nothing is."""

    def test_whatever_it_sends_is_refused(self) -> None:
        """Nobody can call in its name."""
        provider, source = self.provider, self.configured
        for headers in ((), ((b"signature", b"a" * 64),)):
            with pytest.raises(Unauthorized):
                admit(provider, source, headers)
        with pytest.raises(Unauthorized):
            provider.verify(RawCallback(source.name, 0, (), BODY), Claim(b"", (b"x",)), source)
        assert provider.sign(BODY, source, NOW_S) == ()
        with pytest.raises(NotUnderstood):
            provider.parse({"id": "a"}, source)
        assert provider.api is not None


class ApiConformance(Conformance):
    """A provider whose API tells the state of an operation."""

    operation_id: ClassVar[str] = "12345"
    """The shape of one of its ids."""

    def test_it_shows_its_sources_secret_to_nobody_and_has_a_pace(self) -> None:
        """A call is whole: absolute URL, and the same bytes for the same stamp; an open operation is never lost."""
        api = self.provider.api
        assert api is not None
        known = self.configured.access or Access("https://api.example.com", None)
        access = replace(known, secret=b"made-up", public=b"p")
        assert api.operation_id.fullmatch(self.operation_id)
        assert not api.operation_id.fullmatch("a b")
        one, two = (api.get(self.operation_id, access, Stamp(NOW_S * 1000, nonce)) for nonce in (1, 1))
        assert one == two
        assert one.url.startswith(access.base_url + "/")
        assert b"made-up" not in one.body
        intervals = [api.interval_s(age_s) for age_s in (0, 3599, 3600, 172_799, 172_800, 1e9)]
        assert all(interval is None or interval > 0 for interval in intervals)
        assert None not in intervals or api.lists is not None


def admit(provider: Provider, source: Source, headers: Headers, body: bytes = BODY) -> VerifiedCallback:
    """Claim, then verify, as the service does; raises ``Unauthorized``."""
    claim = provider.claim(headers, source, NOW_S)
    verified = provider.verify(RawCallback(source.name, NOW_S * 1_000_000, headers, body), claim, source)
    assert (verified.body, verified.headers, verified.source) == (body, headers, source.name)
    return verified


def with_secrets(source: Source, *secrets: bytes) -> Source:
    """The same source with other live secrets."""
    if source.keys:
        return replace(source, keys={next(iter(source.keys)): secrets})
    return replace(source, secrets=secrets)


def understood(provider: Provider, source: Source, sent: Iterable[bytes]) -> list[dict[str, Any]]:
    """What callbacks become, signed, verified and interpreted in memory: the values of the outbox's records."""
    inbox, outbox = MemoryInbox(), MemoryOutbox()
    for number, body in enumerate(sent, start=1):
        verified = admit(provider, source, provider.sign(body, source, NOW_S), body)
        inbox.entries.append(JournalEntry(number, verified))
    rules = Rules({source.name: (provider, source)}, RECORD_BYTES_MAX, publish_body=False, log=_Quiet())
    stores = Stores(inbox, MemoryRequests(), outbox)
    interpreter = Interpreter(stores=stores, rules=rules, metrics=InterpretMetrics())
    while interpreter.step():
        pass
    return [orjson.loads(record.value) for record in outbox.records]


class _Quiet:
    """A log that says nothing, but for our own bugs."""

    def info(self, event: str, /, **fields: object) -> None:
        """Say nothing."""

    def warning(self, event: str, /, **fields: object) -> None:
        """Say nothing."""

    def error(self, event: str, /, **fields: object) -> None:
        """Say nothing."""

    def exception(self, event: str, /, **fields: object) -> None:
        """Fail with what went wrong, while it is at hand."""
        raise AssertionError(f"{event} {fields}")
