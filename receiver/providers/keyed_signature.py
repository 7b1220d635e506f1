"""Signatures of providers that name the key pair in one header and put an HMAC of the raw body, as hex, in another."""

from __future__ import annotations

import re

from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import Unauthorized
from receiver.model.frozen import dataclass
from receiver.providers.contract import Claim, Source
from receiver.providers.signing import digest, only_header, verify_digest

PUBLIC_KEY = re.compile(rb"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class KeyedSignature:
    """One provider's way: header names in lower case, the hash by its ``hashlib`` name, the signature's shape."""

    key_header: bytes
    signature_header: bytes
    algorithm: str
    shape: re.Pattern[bytes]

    def claim(self, headers: Headers, source: Source, now_s: int) -> Claim:
        """Look the key up and check the signature's shape; raises ``Unauthorized``. There is no time to check."""
        del now_s
        public = only_header(headers, self.key_header, PUBLIC_KEY)
        signature = only_header(headers, self.signature_header, self.shape)
        secrets = source.keys.get(public)
        if not secrets:
            raise Unauthorized("unknown_key")
        return Claim(bytes.fromhex(signature.decode("ascii")), secrets)

    def verify(self, raw: RawCallback, claimed: Claim, source: Source) -> VerifiedCallback:
        """Check the digest over the raw body; raises ``Unauthorized``."""
        del source
        return verify_digest(raw, claimed.digest, claimed.secrets, (raw.body,), self.algorithm)

    def sign(self, body: bytes, source: Source, now_s: int) -> Headers:
        """Make the headers that the provider sends, with the first key pair."""
        del now_s
        public, secrets = next(iter(source.keys.items()))
        signature = digest(secrets[0], body, self.algorithm).hex().encode()
        return ((self.key_header, public), (self.signature_header, signature))
