"""Which of the configured keys a stored callback was signed with; the journal does not note it, so it is tried anew."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from receiver.model.callback import RawCallback, VerifiedCallback
from receiver.providers.contract import Sources, refusal

NONE_LIVE = "none that is live"
"""One verified it that nobody names any more, or the source was configured otherwise."""
FINGERPRINT_CHARACTERS = 8


def fingerprint(public: bytes) -> str:
    """A short name of a key, of the half that is no secret: the first hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:FINGERPRINT_CHARACTERS]


def verifying_key(callback: VerifiedCallback, sources: Sources, retired: Sequence[bytes] = ()) -> str | None:
    """The key that verifies a callback as of its time of receipt, None for a source that is not configured.

    A fingerprint where the provider names its key in a header, else the secret's place in the configuration, as
    ``secrets.0``; never anything of the secret itself. Where none that is live verifies it, one of ``retired``, the
    source's secrets that are live no more: ``retired_secrets.0``.
    """
    if callback.source not in sources:
        return None
    provider, source = sources[callback.source]
    raw = RawCallback(callback.source, callback.received_at_us, callback.headers, callback.body)
    one_by_one = {
        **{f"secrets.{at}": replace(source, secrets=(secret,)) for at, secret in enumerate(source.secrets)},
        **{fingerprint(public): replace(source, keys={public: secrets}) for public, secrets in source.keys.items()},
        **{
            f"retired_secrets.{at}": replace(source, secrets=(secret,), keys=dict.fromkeys(source.keys, (secret,)))
            for at, secret in enumerate(retired)
        },
    }
    return next((name for name, alone in one_by_one.items() if refusal(provider, alone, raw) is None), NONE_LIVE)
