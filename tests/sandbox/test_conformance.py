"""The suite itself: a provider that breaks a promise does not pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from receiver.model.callback import RawCallback, VerifiedCallback
from receiver.model.errors import ConfigurationError, Unauthorized
from receiver.model.operation import Kind, Step
from receiver.providers.contract import Claim, Provider, Scenario, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox.conformance import CallbackConformance, SilentConformance

EVENTS = Path(__file__).parents[1] / "providers" / "zeroxpay" / "events"
SOUND = zeroxpay.PROVIDER
assert SOUND.samples is not None
SIGN = SOUND.sign


def trusting(raw: RawCallback, claimed: Claim, source: Source) -> VerifiedCallback:
    """Verify nothing."""
    del claimed, source
    return VerifiedCallback(raw.source, raw.received_at_us, raw.headers, raw.body)


def careless(headers: Any, source: Source, now_s: int) -> Claim:
    """Fail on junk in a way of its own."""
    return Claim(bytes.fromhex(dict(headers)[b"signature"].decode()), source.secrets, str(now_s).encode())


def one_secret(headers: Any, source: Source, now_s: int) -> Claim:
    """Know the first secret only."""
    return zeroxpay.claim(headers, replace(source, secrets=source.secrets[:1]), now_s)


ROW = Kind("exchange", "exchange", {"Done": Step("completed", 1), "Failed": Step("failed", 1, terminal=True)})
GUESSED = Kind("exchange", "exchange", {"Refunded": Step("cancelled", 1, terminal=True)})
UNREAD = Scenario("unread", lambda *_: lambda _: {"id": "x"}, ("Done",))
BROKEN: dict[str, Provider] = {
    "test_any_changed_byte_of_the_body_is_refused": replace(SOUND, verify=trusting),
    "test_no_headers_raise_anything_but_unauthorized": replace(SOUND, claim=careless),
    "test_each_header_is_needed_once_and_in_shape": replace(SOUND, claim=careless),
    "test_several_secrets_are_live_while_they_rotate": replace(SOUND, claim=one_secret),
    "test_what_it_signs_it_verifies": replace(SOUND, signature_headers=frozenset({b"other"})),
    "test_header_names_are_lower_case": replace(SOUND, signature_headers=frozenset({b"Signature"})),
    "test_the_lifecycle_tables_are_sound": replace(SOUND, kinds={"Exchange": ROW}),
    "test_every_declared_status_has_an_expected_event": replace(SOUND, kinds={"Exchange": GUESSED}),
    "test_every_sample_is_understood": replace(SOUND, samples=replace(SOUND.samples, scenarios=(UNREAD,))),
    "test_an_unknown_status_is_quarantined_without_the_signature": replace(SOUND, unknown_status=lambda body: body),
    "test_the_template_is_sound_once_its_secrets_exist": replace(SOUND, template=onchainpay.PROVIDER.template),
    "test_it_is_held_to_all_that_it_claims_to_be": replace(SOUND, api=onchainpay.API),
}


RAISED = (KeyError, ValueError, Unauthorized, ConfigurationError, ExceptionGroup)
"""What comes of a careless provider; Hypothesis puts the errors into a group where it found several."""


class Suite(CallbackConformance):
    """The suite on a provider of a test."""

    events = EVENTS


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_promise_is_found(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the check that is named for it."""
    monkeypatch.setattr(Suite, "provider", BROKEN[check], raising=False)
    with pytest.raises((AssertionError, pytest.fail.Exception, *RAISED)):
        getattr(Suite(), check)()


def test_who_calls_back_cannot_pass_as_silent() -> None:
    """Its signatures would go unchecked."""

    class Silent(SilentConformance):
        provider = SOUND

    with pytest.raises(AssertionError):
        Silent().test_it_is_held_to_all_that_it_claims_to_be()


def test_events_must_say_where_they_are() -> None:
    """Without expected events nothing is held against anything."""

    class Without(CallbackConformance):
        provider = SOUND

    with pytest.raises(AssertionError, match="names the folder"):
        Without().test_every_declared_status_has_an_expected_event()


def test_a_record_that_shows_its_signature_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quarantine record is looked at, and not only the reason in it."""
    monkeypatch.setattr(Suite, "provider", SOUND, raising=False)
    monkeypatch.setattr(
        "receiver.sandbox.conformance.understood",
        lambda *_: [{"reason": "unknown_status", "headers": [["signature", json.dumps(1)]]}],
    )
    with pytest.raises(AssertionError):
        Suite().test_an_unknown_status_is_quarantined_without_the_signature()
