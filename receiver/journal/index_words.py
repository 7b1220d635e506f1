"""Words and texts as the index keeps them: readable, or with ``journal.keys`` as nothing that says what they are.

With keys a word is a keyed hash, which finds whole words only, and a text is sealed. The key is made of the master key
and the journal's id, and lies nowhere: an index under a master key that is gone is made anew, since it can be.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Protocol

from receiver.journal.sealed import DataKey, MasterKey
from receiver.journal.terms import BACKWARDS, FACET

HASH_BYTES = 9
"""Of a word: so few that the index stays small. Should two words share one, what is found is read and looked at."""
_MAPPED_FROM = 0x100
"""Where what is no letter, digit, dash or underscore is moved to, since FTS5 would end a word at it."""
_PLAIN = frozenset("-_0123456789abcdefghijklmnopqrstuvwxyz")
_WHOLE = re.compile("[-_0-9a-z]*")
_MAPPED = {code: _MAPPED_FROM + code for code in range(128) if chr(code) not in _PLAIN}


class Words(Protocol):
    """How words and texts are kept."""

    @property
    def key_id(self) -> str:
        """Of the master key; empty where all is readable."""

    def token(self, word: str) -> str:
        """A word as engines take it; those with the same beginning have tokens with the same beginning if readable."""

    def name(self, text: str) -> bytes:
        """What a text is found by."""

    def keep(self, text: str) -> bytes:
        """A text as it is kept."""

    def read(self, kept: bytes) -> str:
        """What ``keep`` was given; raises ``StoreFailed`` where it was changed."""


def words_of(master: MasterKey | None, journal_id: str) -> Words:
    """The words of an index under a master key, or without one."""
    return _Readable() if master is None else _Keyed(master, journal_id)


class _Readable:
    key_id = ""

    def __init__(self) -> None:
        self._token = lru_cache(maxsize=4096)(self._translated)

    @staticmethod
    def _translated(word: str) -> str:
        return word.translate(_MAPPED)

    def token(self, word: str) -> str:
        if word.isascii():  # most are ids, with nothing in them to translate
            return word if _WHOLE.fullmatch(word) else word.translate(_MAPPED)
        if word[0] == FACET:  # a property, which comes again and again
            return self._token(word)
        rest = word[1:]
        known = word[0] == BACKWARDS and _WHOLE.fullmatch(rest) is not None
        return word if known else word.translate(_MAPPED)

    def name(self, text: str) -> bytes:
        return text.encode()

    def keep(self, text: str) -> bytes:
        return text.encode()

    def read(self, kept: bytes) -> str:
        return kept.decode()


class _Keyed:
    def __init__(self, master: MasterKey, journal_id: str) -> None:
        self.key_id = master.key_id
        self._key = _derived(master, journal_id, b"words")
        self._data_key = DataKey("search", 0, "", _derived(master, journal_id, b"texts"))
        self._token = lru_cache(maxsize=4096)(self._hash)  # properties come again and again

    def _hash(self, word: str) -> str:
        return hashlib.blake2b(word.encode(), digest_size=HASH_BYTES, key=self._key).hexdigest()

    def token(self, word: str) -> str:
        return self._token(word)

    def name(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=16, key=self._key).digest()

    def keep(self, text: str) -> bytes:
        return self._data_key.seal(0, text.encode())

    def read(self, kept: bytes) -> str:
        return self._data_key.open(0, kept).decode()


def _derived(master: MasterKey, journal_id: str, purpose: bytes) -> bytes:
    said = b"search index:" + purpose + b":" + journal_id.encode()
    return hashlib.blake2b(said, digest_size=32, key=master.secret).digest()
