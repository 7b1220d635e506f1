"""HMAC and freshness: the only place where digests are compared, and so the only one that vouches for a callback.

Fails closed: no candidates means no match, a malformed digest is refused before any comparison, and both sides of
the comparison are raw digest bytes, so that a non-ASCII header cannot make ``compare_digest`` raise.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import Unauthorized


def only_header(headers: Headers, name: bytes, shape: re.Pattern[bytes]) -> bytes:
    """Give the value of a header that must be there once and match ``shape`` in full.

    Raises ``Unauthorized`` when it is missing, repeated (even with equal values) or of another shape.
    """
    found = None
    for key, value in headers:
        if key == name:
            if found is not None:
                raise Unauthorized("header_repeated")
            found = value
    if found is None:
        raise Unauthorized("header_missing")
    if shape.fullmatch(found) is None:
        raise Unauthorized("header_shape")
    return found


def check_freshness(timestamp_s: int, now_s: int, window_s: int) -> None:
    """Raise ``Unauthorized`` unless ``timestamp_s`` is at most ``window_s`` from ``now_s``, either way."""
    if abs(now_s - timestamp_s) > window_s:
        raise Unauthorized("stale")


def digest(secret: bytes, message: bytes, algorithm: str) -> bytes:
    """HMAC of ``message`` under ``secret``, by ``hashlib`` name. Raises ``ValueError`` on an empty secret."""
    if not secret:
        raise ValueError("an empty secret signs nothing")
    return hmac.digest(secret, message, algorithm)


def verify_digest(
    raw: RawCallback, given: bytes, secrets: Iterable[bytes], messages: Iterable[bytes], algorithm: str
) -> VerifiedCallback:
    """Vouch for ``raw`` if ``given`` is the HMAC of a message under a secret; else raise ``Unauthorized``.

    ``given`` is the decoded digest. Several secrets are live during a rotation; several messages are the readings of
    what a provider signs, best first.
    """
    live = tuple(secrets)
    for message in messages:
        for secret in live:
            if hmac.compare_digest(digest(secret, message, algorithm), given):
                return VerifiedCallback(raw.source, raw.received_at_us, raw.headers, raw.body)
    raise Unauthorized("signature")
