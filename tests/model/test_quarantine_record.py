"""What of a callback's headers is published with its quarantine record."""

from __future__ import annotations

from receiver.model.quarantine_record import public_headers

HEADERS = (
    (b"content-type", b"application/json"),
    (b"acme-proof", b"abc"),
    (b"x-shop", b"7"),
    (b"authorization", b"Basic x"),
    (b"cookie", b"a=b"),
)


def test_a_providers_signatures_authorization_and_cookies_are_hidden() -> None:
    """Whoever reads the topic could send the callback again otherwise; the rest helps to find out what it was."""
    shown = public_headers(HEADERS, frozenset({b"acme-proof"}))
    assert shown == [("content-type", "application/json"), ("x-shop", "7")]


def test_of_an_unknown_provider_only_what_is_known_to_be_harmless_is_shown() -> None:
    """Nobody can say any more which header holds the signature, so it fails closed."""
    assert public_headers(HEADERS, None) == [("content-type", "application/json")]
