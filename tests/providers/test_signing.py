"""The only place that vouches for a callback, and it fails closed."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest

from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import Unauthorized
from receiver.providers.signing import check_freshness, digest, only_header, verify_digest

HEX = re.compile(rb"[0-9a-f]{4}")
RAW = RawCallback("main", 5, ((b"a", b"b"),), b"body")
GIVEN = hmac.new(b"secret", b"body", hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ((), "header_missing"),
        (((b"other", b"00ff"),), "header_missing"),
        (((b"sign", b"00ff"), (b"sign", b"00ff")), "header_repeated"),
        (((b"sign", b"00ff\n"),), "header_shape"),
        (((b"sign", b" 00ff"),), "header_shape"),
        (((b"sign", b""),), "header_shape"),
    ],
)
def test_a_header_must_be_there_once_and_fit_in_full(headers: Headers, why: str) -> None:
    """Also one that is repeated with an equal value, or has a newline behind it."""
    with pytest.raises(Unauthorized) as refused:
        only_header(headers, b"sign", HEX)
    assert refused.value.why == why


def test_a_header_that_fits_is_given_as_it_came() -> None:
    """Whatever stands around it."""
    assert only_header(((b"x", b"1"), (b"sign", b"00ff")), b"sign", HEX) == b"00ff"


@pytest.mark.parametrize("off_s", [-301, 301])
def test_what_is_too_far_from_our_clock_is_stale(off_s: int) -> None:
    """Either way; the last second still counts."""
    check_freshness(1000 + off_s // 301 * 300, 1000, 300)
    with pytest.raises(Unauthorized) as refused:
        check_freshness(1000 + off_s, 1000, 300)
    assert refused.value.why == "stale"


def test_any_live_secret_and_any_reading_will_do() -> None:
    """What is vouched for is what came."""
    said = verify_digest(RAW, GIVEN, (b"newer", b"secret"), (b"another reading", b"body"), "sha256")
    assert said == VerifiedCallback("main", 5, ((b"a", b"b"),), b"body")


@pytest.mark.parametrize(
    ("given", "secrets", "messages"),
    [
        (GIVEN, (), (b"body",)),
        (GIVEN, (b"secret",), ()),
        (GIVEN, (b"another",), (b"body",)),
        (GIVEN, (b"secret",), (b"body ",)),
        (GIVEN[:-1], (b"secret",), (b"body",)),
        (b"", (b"secret",), (b"body",)),
    ],
)
def test_anything_else_is_refused(given: bytes, secrets: tuple[bytes, ...], messages: tuple[bytes, ...]) -> None:
    """Nothing to compare with is no match."""
    with pytest.raises(Unauthorized) as refused:
        verify_digest(RAW, given, secrets, messages, "sha256")
    assert refused.value.why == "signature"


def test_an_empty_secret_signs_nothing() -> None:
    """Anybody could sign with it."""
    with pytest.raises(ValueError, match="an empty secret signs nothing"):
        digest(b"", b"body", "sha256")
