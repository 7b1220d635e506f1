"""Sealing, whatever the engine: what opens, what does not, and what a sentence on a missing key says."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from receiver.journal.sealed import (
    NO_KEYS,
    DataKey,
    Keyring,
    make_data_key,
    missing,
    needed,
    read_key,
    rewrap,
    unwrap,
)
from receiver.model.errors import JournalError, StoreFailed

DAY = "2026-11-26"
OLD, NEW = read_key(bytes(range(32)).hex().encode()), read_key(bytes(range(64, 96)).hex().encode())


def test_a_key_is_read_in_hex_and_in_base64() -> None:
    """The same bytes have the same id, which is no part of the key."""
    secret = bytes(range(32))
    key = read_key(secret.hex().encode())
    assert read_key(base64.b64encode(secret)) == key
    assert (key.secret, len(key.key_id)) == (secret, 12)
    assert key.key_id not in secret.hex()
    assert secret.hex() not in repr(key)
    assert str(secret) not in repr(key)


@pytest.mark.parametrize(
    "secret", [b"", b"changeme", b"x" * 64, b"a" * 44, b"0" * 64, b"00ff" * 16, bytes(range(31)).hex().encode()]
)
def test_what_is_no_key_is_refused_and_not_shown(secret: bytes) -> None:
    """A password, a key that is too short, and one with hardly any bytes of its own."""
    with pytest.raises(ValueError, match="is no key") as refused:
        read_key(secret)
    assert not secret or secret.decode() not in str(refused.value)


def test_what_is_sealed_opens_and_is_sealed_anew_each_time() -> None:
    """Two seals of the same content have nothing in common."""
    _, key = make_data_key(Keyring([OLD]), "inbox", 1, DAY)
    one, other = key.seal(7, b"a body"), key.seal(7, b"a body")
    assert (key.open(7, one), key.open(7, other)) == (b"a body", b"a body")
    assert one[:12] != other[:12]
    assert b"a body" not in one
    assert key.seals == 2


@pytest.mark.parametrize(("store", "day", "row"), [("outbox", DAY, 7), ("inbox", "2026-11-27", 7), ("inbox", DAY, 8)])
def test_what_was_put_in_another_place_does_not_open(store: str, day: str, row: int) -> None:
    """Neither as another row, nor in another store, nor on another day, even under the same key."""
    secret = bytes(range(32))
    blob = DataKey("inbox", 1, DAY, secret).seal(7, b"a body")
    with pytest.raises(StoreFailed, match="does not open"):
        DataKey(store, 1, day, secret).open(row, blob)


@pytest.mark.parametrize(
    "change", [lambda blob: blob[:-1], lambda blob: bytes([blob[0] ^ 1]) + blob[1:], lambda _: b""]
)
def test_what_was_changed_does_not_open(change: object) -> None:
    """Nor what was cut."""
    _, key = make_data_key(Keyring([OLD]), "inbox", 1, DAY)
    assert callable(change)
    with pytest.raises(StoreFailed, match="number 7 does not open"):
        key.open(7, change(key.seal(7, b"a body")))


def test_keys_rotate() -> None:
    """A new key first: what the old one wrapped opens, and once it is wrapped anew the old one may go."""
    wrapped, key = make_data_key(Keyring([OLD]), "inbox", 1, DAY)
    blob = key.seal(7, b"a body")
    both = Keyring([NEW, OLD])
    assert unwrap(both, "inbox", wrapped).open(7, blob) == b"a body"
    again = rewrap(both, "inbox", wrapped)
    assert (again.number, again.day, again.key_id) == (1, DAY, NEW.key_id)
    assert unwrap(Keyring([NEW]), "inbox", again).open(7, blob) == b"a body"
    with pytest.raises(JournalError, match=f"{NEW.key_id}.*has {OLD.key_id}"):
        unwrap(Keyring([OLD]), "inbox", again)
    assert needed([wrapped, again, again]) == {OLD.key_id: 1, NEW.key_id: 2}


def test_a_data_key_that_was_changed_does_not_open() -> None:
    """Nor one that is said to be of another day, number or store."""
    ring = Keyring([OLD])
    wrapped, _ = make_data_key(ring, "inbox", 1, DAY)
    for other in (replace(wrapped, day="2026-11-27"), replace(wrapped, number=2), replace(wrapped, wrapped=b"")):
        with pytest.raises(JournalError, match=f"under the key {OLD.key_id}"):
            unwrap(ring, "inbox", other)
    with pytest.raises(JournalError, match="does not open"):
        unwrap(ring, "outbox", wrapped)


def test_without_keys_nothing_is_made() -> None:
    """And a sentence says what is missing, and what is there."""
    wrapped, _ = make_data_key(Keyring([OLD]), "inbox", 1, DAY)
    for attempt in (lambda: make_data_key(NO_KEYS, "inbox", 1, DAY), lambda: rewrap(NO_KEYS, "inbox", wrapped)):
        with pytest.raises(JournalError, match=r"no `journal.keys`"):
            attempt()
    assert "under the key b, c, and `journal.keys` has none" in missing(["c", "b", "b"], ())


def test_stores_that_share_a_ring_see_its_new_keys() -> None:
    """But for the ring that everybody shares who has none."""
    ring = Keyring([OLD])
    ring.take(Keyring([NEW, OLD]))
    assert ring.first == NEW
    assert ring.ids == (NEW.key_id, OLD.key_id)
    with pytest.raises(ValueError, match="everybody's"):
        NO_KEYS.take(ring)
