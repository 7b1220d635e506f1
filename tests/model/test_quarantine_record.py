"""What of a callback's headers is published with its quarantine record."""

from __future__ import annotations

import pytest

from receiver.model.quarantine_record import public_headers

HEADERS = (
    (b"content-type", b"application/json"),
    (b"acme-proof", b"abc"),
    (b"x-shop", b"7"),
    (b"authorization", b"Basic x"),
    (b"cookie", b"a=b"),
)


def test_only_what_a_provider_names_and_what_is_harmless_is_shown() -> None:
    """Whoever reads the topic could send the callback again otherwise; the rest helps to find out what it was."""
    shown = public_headers(HEADERS, frozenset({b"x-shop"}))
    assert shown == [("content-type", "application/json"), ("x-shop", "7")]


@pytest.mark.parametrize(
    "value", [b"4111111111111111", "4111\u00a01111\u20091111 1111".encode(), b"4111\xa01111-1111.1111"]
)
def test_a_card_number_in_a_header_is_masked(value: bytes) -> None:
    """Whatever stands between its digits, in UTF-8 or Latin-1; other bytes stay."""
    assert public_headers(((b"user-agent", b"\xe9 " + value),), frozenset()) == [
        ("user-agent", "\xe9 411111******1111")
    ]


def test_of_an_unknown_provider_only_what_is_known_to_be_harmless_is_shown() -> None:
    """Nobody can say any more which header holds the signature, so it fails closed."""
    assert public_headers(HEADERS, frozenset()) == [("content-type", "application/json")]
