"""What a journal keeps so that only who has a key can read it. No engine's: each keeps the data keys in its own way.

Theory of operation. Bodies, headers, events and answers are sealed with AES-256-GCM under *data keys*: 32 random bytes
for each store and each UTC day of what is kept. A data key lies in its store, wrapped (sealed as well) under a *master
key*, which is a secret of the configuration and lies nowhere in the journal. The first of ``journal.keys`` wraps new
data keys, and all of them open what they wrapped; so a master key is exchanged by wrapping a few data keys anew, and no
row is written again. A master key's id is a short digest of it: it says which key is needed and nothing about the key.

A nonce is 96 bits of the system's randomness. Several processes seal under one data key, and a journal may be restored
from a backup and go on: a counter would then repeat, and AES-GCM fails with the first repetition. With random nonces
NIST (SP 800-38D, 8.3) allows 2^32 messages under one key; a process takes a new data key after ``SEALS_MAX``.

What is sealed is bound to its store, its number and its day (associated data): a row that was put in another's place,
or whose bytes were changed, does not open. Keys and their day are bound to their store and number in the same way.
"""

from __future__ import annotations

import binascii
import hashlib
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from receiver.model.errors import JournalError, StoreFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
HEAD = struct.Struct(">BI")
"""Zero, with which neither JSON nor a header line begins, and the number of the data key."""
SEALS_MAX = 1 << 30
"""Seals of one process under one data key; then it takes a new one. A quarter of what is allowed: several may seal."""
KEY_ID_DIGITS = 12
_HEX_DIGITS = 2 * KEY_BYTES
_BASE64_DIGITS = 44


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key of the configuration, and the id by which a journal names it."""

    key_id: str
    secret: bytes = field(repr=False)


def read_key(secret: bytes) -> MasterKey:
    """Read a key: 32 random bytes as 64 hex digits or as Base64. Raises ``ValueError``, which shows nothing of it."""
    try:
        if len(secret) == _HEX_DIGITS:
            key = binascii.unhexlify(secret)
        elif len(secret) == _BASE64_DIGITS:
            key = binascii.a2b_base64(secret, strict_mode=True)
        else:
            key = b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("is no key: it must be 32 random bytes in hex or Base64, as `openssl rand -hex 32` gives them")
    if len(set(key)) < KEY_BYTES // 4:
        raise ValueError("is no key: its bytes are not random; `openssl rand -hex 32` gives one")
    return MasterKey(hashlib.sha256(b"receiver journal key\0" + key).hexdigest()[:KEY_ID_DIGITS], key)


class Keyring:
    """The master keys, in the order of the configuration; empty where nothing is to be sealed.

    One object is shared by all stores of a journal that a process has open, so that they see new keys at once.
    """

    def __init__(self, keys: Iterable[MasterKey] = ()) -> None:
        self._keys: tuple[MasterKey, ...] = tuple(keys)

    @property
    def first(self) -> MasterKey | None:
        """The one that wraps new data keys; None where what comes is kept as it is."""
        return next(iter(self._keys), None)

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, by their ids, in their order."""
        return tuple(key.key_id for key in self._keys)

    def find(self, key_id: str) -> MasterKey:
        """One by its id; raises ``JournalError`` that names the id."""
        found = next((key for key in self._keys if key.key_id == key_id), None)
        if found is None:
            raise JournalError(missing([key_id], self.ids))
        return found

    def take(self, other: Keyring) -> None:
        """Go on with the keys of another one; a reload does this."""
        if self is NO_KEYS:
            raise ValueError("this one is everybody's")
        self._keys = other._keys


NO_KEYS = Keyring()
"""Of a journal that keeps everything as it is."""


def missing(needed: Iterable[str], known: Sequence[str]) -> str:
    """A sentence on master keys that a journal needs and nobody gave."""
    names = ", ".join(sorted(set(needed)))
    has = f"has {', '.join(known)}" if known else "has none"
    return f"the journal is sealed under the key {names}, and `journal.keys` {has}: add the reference to that key again"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it lies in its store."""

    number: int
    """In its store, where no number is ever used twice."""
    day: str
    """The UTC day, YYYY-MM-DD, whose rows it seals."""
    key_id: str
    """Of the master key that opens it."""
    wrapped: bytes = field(repr=False)


class DataKey:
    """A data key at work: seals and opens what one store keeps of one day."""

    def __init__(self, store: str, number: int, day: str, secret: bytes) -> None:
        self._cipher = _cipher(secret)
        self.number = number
        self._bound = f"{store}:{day}:"
        self.seals = 0

    def seal(self, row: int | str, content: bytes, head: bytes = b"") -> bytes:
        """Seal the content of a row, named as the store names it; gives head, nonce, ciphertext and tag as one."""
        self.seals += 1
        nonce = os.urandom(NONCE_BYTES)
        return b"".join((head, nonce, self._cipher.encrypt(nonce, content, f"{self._bound}{row}".encode())))

    def open(self, row: int | str, sealed: bytes) -> bytes:
        """Open what ``seal`` gave for this row; raises ``StoreFailed`` where it was changed, or is another row's."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  there is a key, so it is loaded

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{self._bound}{row}".encode())
        except (InvalidTag, ValueError):
            raise StoreFailed(
                f"{self._bound.partition(':')[0]}: number {row} does not open: its bytes were changed, or they are "
                "another number's; restore a backup"
            ) from None


def make_data_key(ring: Keyring, store: str, number: int, day: str) -> tuple[WrappedKey, DataKey]:
    """Make a data key under the first master key, which there must be."""
    master = ring.first
    if master is None:
        raise JournalError("there is no `journal.keys`, so nothing can be sealed")
    secret = os.urandom(KEY_BYTES)
    return _wrap(master, store, number, day, secret), DataKey(store, number, day, secret)


def unwrap(ring: Keyring, store: str, found: WrappedKey) -> DataKey:
    """Open a data key; raises ``JournalError`` where its master key is not there, or it was changed."""
    return DataKey(store, found.number, found.day, _secret(ring, store, found))


def rewrap(ring: Keyring, store: str, found: WrappedKey) -> WrappedKey:
    """The same data key under the first master key; raises ``JournalError`` as ``unwrap`` does."""
    master = ring.first
    if master is None:
        raise JournalError("there is no `journal.keys`, so nothing can be wrapped anew")
    return _wrap(master, store, found.number, found.day, _secret(ring, store, found))


def _wrap(master: MasterKey, store: str, number: int, day: str, secret: bytes) -> WrappedKey:
    nonce = os.urandom(NONCE_BYTES)
    wrapped = nonce + _cipher(master.secret).encrypt(nonce, secret, _key_bound(store, number, day))
    return WrappedKey(number, day, master.key_id, wrapped)


def _secret(ring: Keyring, store: str, found: WrappedKey) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  only where there is a key

    cipher, bound = _cipher(ring.find(found.key_id).secret), _key_bound(store, found.number, found.day)
    try:
        return cipher.decrypt(found.wrapped[:NONCE_BYTES], found.wrapped[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise JournalError(
            f"{store}: data key {found.number} does not open under the key {found.key_id}: its bytes were changed; "
            "restore a backup"
        ) from None


def _key_bound(store: str, number: int, day: str) -> bytes:
    return f"data key:{store}:{day}:{number}".encode()


def _cipher(secret: bytes) -> AESGCM:
    # Measured: 12 ms and 3 MB that a journal without keys need not pay.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(secret)


def needed(data_keys: Iterable[WrappedKey]) -> Mapping[str, int]:
    """Master key's id → how many data keys it opens."""
    found: dict[str, int] = {}
    for one in data_keys:
        found[one.key_id] = found.get(one.key_id, 0) + 1
    return found


def is_sealed(blob: bytes) -> bool:
    """Whether a column that holds JSON or header lines holds something sealed in their place."""
    return blob[:1] == b"\0" and len(blob) > HEAD.size
