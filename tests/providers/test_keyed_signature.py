"""Signatures whose key is named in a header."""

from __future__ import annotations

import re

import pytest

from receiver.model.callback import Headers, RawCallback
from receiver.model.errors import Unauthorized
from receiver.providers.contract import Source
from receiver.providers.keyed_signature import KeyedSignature

WAY = KeyedSignature(b"x-key", b"x-sign", "sha256", re.compile(rb"[0-9a-f]{64}"))
SOURCE = Source("main", "made-up", None, keys={b"first": (b"one", b"older"), b"second": (b"two",)})


def verify(headers: Headers, body: bytes) -> None:
    """As ``admit`` does it."""
    WAY.verify(RawCallback("main", 0, headers, body), WAY.claim(headers, SOURCE, 0), SOURCE)


def test_what_is_signed_verifies_and_nothing_else_does() -> None:
    """With the first key pair; each key has secrets of its own."""
    headers = WAY.sign(b"body", SOURCE, 0)
    assert headers[0] == (b"x-key", b"first")
    verify(headers, b"body")
    with pytest.raises(Unauthorized):
        verify(headers, b"body ")
    with pytest.raises(Unauthorized):
        verify(((b"x-key", b"second"), headers[1]), b"body")
    older = Source("main", "made-up", None, keys={b"first": (b"older",)})
    verify(WAY.sign(b"body", older, 0), b"body")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (((b"x-key", b"third"), (b"x-sign", b"0" * 64)), "unknown_key"),
        (((b"x-key", b"a b"), (b"x-sign", b"0" * 64)), "header_shape"),
        (((b"x-key", b"first"), (b"x-sign", b"0" * 63)), "header_shape"),
        (((b"x-key", b"first"),), "header_missing"),
        (((b"x-sign", b"0" * 64),), "header_missing"),
    ],
)
def test_what_cannot_be_genuine_is_refused_before_its_body_is_read(headers: Headers, why: str) -> None:
    """By the headers alone."""
    with pytest.raises(Unauthorized) as refused:
        WAY.claim(headers, SOURCE, 0)
    assert refused.value.why == why
