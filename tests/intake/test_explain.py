"""Why a callback failed: the reading that would have matched is named, and nothing is ever accepted by it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.intake.explain import Case, explain
from receiver.intake.rejects import RejectSample
from receiver.model.callback import Headers, RawCallback
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox.fakes import FakeClock
from tests.support import NOW_S, OXPAY_VECTORS, PUBLIC_URL, Lines, Way, onchainpay_source, oxpay_source

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()
SOURCE = oxpay_source()


def oxpay(headers: Headers, body: bytes = BODY, retired: tuple[bytes, ...] = ()) -> str:
    """The explanation of a refused 0xpay callback, as one text."""
    raw = RawCallback("0xpay-main", NOW_S * 1_000_000, headers, body)
    return "\n".join(explain(Case(raw, zeroxpay.PROVIDER, SOURCE, PUBLIC_URL, retired)))


def signed(body: bytes = BODY, *, at_s: int = NOW_S, url: str | None = None, secret: bytes | None = None) -> Headers:
    """Signed in another way than ours."""
    source = SOURCE
    if url is not None:
        source = replace(source, signed_urls=(url.encode(),))
    if secret is not None:
        source = replace(source, secrets=(secret,))
    return zeroxpay.PROVIDER.sign(body, source, at_s)


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        (signed(url="/webhooks/0xpay"), BODY, 'the path alone instead of host and path (`signed_url = "path"`)'),
        (signed(url=PUBLIC_URL), BODY, "the whole URL with its scheme"),
        (signed(url="merchant.example.com/webhooks/0xpay/"), BODY, "the URL with a slash at its end"),
        ((*signed(url="10.0.0.1/webhooks/0xpay"), (b"host", b"10.0.0.1")), BODY, "the request's Host header"),
        (signed(secret=b"old"), BODY, "a retired secret (retired_secrets.0)"),
        (signed(), json.dumps(json.loads(BODY), indent=2).encode(), "the body written compact"),
        (signed(), BODY + b"\n", "the body without the newline at its end"),
        (signed(at_s=NOW_S - 400), BODY, "the clocks differ by 400 s: the callback's is behind"),
        (signed(at_s=NOW_S + 400), BODY, "the clocks differ by 400 s: the callback's is ahead"),
        ((), BODY, "a header that the provider signs with is missing"),
        (signed() * 2, BODY, "came twice"),
        ((*signed(), (b"merchant-id", b"other")), BODY, "merchant-id names another account"),
        (tuple((name, value.upper()) for name, value in signed()), BODY, "in lower case"),
        (signed(secret=b"nobody knows"), BODY, "no other reading matches"),
        (signed(), BODY, "it verifies with today's configuration"),
    ],
)
def test_the_reading_that_would_have_matched_is_named(headers: Headers, body: bytes, says: str) -> None:
    """One changed thing at a time."""
    assert says in oxpay(headers, body, retired=(b"old",))


def test_a_stale_but_genuine_one_is_told_from_a_stale_forgery() -> None:
    """Only the first is genuine apart from the time."""
    assert "apart from the time it is genuine" in oxpay(signed(at_s=NOW_S - 400))
    assert "apart from the time" not in oxpay(signed(at_s=NOW_S - 400, secret=b"x"))


def test_onchainpays_cases() -> None:
    """An unknown key, the secret of another pair, a retired secret."""
    source = onchainpay_source()
    first, second = source.keys

    def said(keys: dict[bytes, tuple[bytes, ...]], retired: tuple[bytes, ...] = ()) -> str:
        headers = onchainpay.PROVIDER.sign(BODY, replace(source, keys=keys), NOW_S)
        raw = RawCallback("swaps", NOW_S * 1_000_000, headers, BODY)
        return "\n".join(explain(Case(raw, onchainpay.PROVIDER, source, None, retired)))

    assert "the public key is none of the configured ones" in said({b"unheard": (b"x",)})
    assert "the secret of another key pair (number 1)" in said({first: source.keys[second]})
    assert "a retired secret" in said({first: (b"old",)}, retired=(b"old",))


async def test_a_refused_callback_is_offered_whole_and_only_a_refused_one() -> None:
    """Refused before its body was read, or after: headers and body are in the sample; 404 and 200 are not."""
    way = Way()
    await way.post("0xpay-main", BODY, [(b"signature", b"nonsense")])
    await way.post("0xpay-main", b"tampered", list(signed()))
    await way.post("0xpay-main", BODY, list(signed()))
    await way.post("nobody", BODY, [])
    assert [(raw.body, why) for raw, why in way.rejects.kept] == [(BODY, "header_shape"), (b"tampered", "signature")]


async def test_a_flood_is_sampled() -> None:
    """At most one in a while, and none at all where none is wanted."""
    kept: list[Any] = []

    class Store:
        def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
            kept.append((raw.body, why, kept_max, near))

    clock = FakeClock()
    sample = RejectSample(Store(), clock, kept_max=10, every_s=1, log=Lines())
    for number in range(100):
        if sample.wants("s", "why"):
            sample.keep(RawCallback("s", 0, (), b"%d" % number), "why")
            while sample._writing:
                await next(iter(sample._writing.values()))
        clock.advance(0.1)
    assert len(kept) in {10, 11}
    assert kept[0] == (b"0", "why", 10, 0)
    assert not RejectSample(Store(), clock, kept_max=0, every_s=1, log=Lines()).wants("s", "why")


async def test_a_flood_of_one_kind_takes_no_other_ones_turn() -> None:
    """Of each source and reason one in a while, also at the very same moment, and each with how near it is."""
    kept: list[tuple[str, str, int]] = []

    class Store:
        def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
            kept.append((raw.source, why, near))

    known = {"a": frozenset({"id", "status", "kind", "amount"})}
    sample = RejectSample(Store(), FakeClock(), kept_max=10, every_s=1, log=Lines(), known_fields=known)
    genuine = b'{"id": 1, "status": 2, "kind": 3, "amount": 4}'
    for source, why, body in (("a", "stale", b"x"), ("a", "signature", genuine), ("b", "stale", genuine)) * 3:
        if sample.wants(source, why):
            sample.keep(RawCallback(source, 0, (), body), why)
    while sample._writing:
        await next(iter(sample._writing.values()))
    assert sorted(kept) == [("a", "signature", 3), ("a", "stale", 0), ("b", "stale", 0)]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        b"[1e99999]",
        b'"\\ud800"',
        b"NaN",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 90 + b"]" * 90,
    ],
)
def test_junk_is_explained_like_anything_else(body: bytes) -> None:
    """However deep it nests, and whatever numbers and characters it has."""
    headers = signed(b"another body")
    assert oxpay(headers, body).startswith("the signature is not that of this body")


def test_a_body_written_again_keeps_its_digits_or_loses_them() -> None:
    """Some write numbers as they stood, some as they count; both are found."""
    sent = b'{"id":"1","fee":1.10,"n":12345678901234567890123.5}'
    seen = b'{ "id": "1",\n "fee": 1.10, "n": 12345678901234567890123.5 }'
    assert "the body written compact: " in oxpay(signed(sent), seen)
    rounded = b'{"id":"1","fee":1.1,"n":1.2345678901234568e+22}'
    assert "the body written compact, numbers as they count" in oxpay(signed(rounded), seen)
