"""What a record is found by: the values that people have of it, folded to words of an index. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

import orjson

from receiver.journal.index import By, Wanted
from receiver.model.callback import EntryId
from receiver.model.cards import MASKED, mask_card, mask_cards
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import read_json
from receiver.model.operation import operation_key
from receiver.model.quarantine_record import offending_word
from receiver.model.records import OutboxRecord
from receiver.model.times import to_us
from receiver.model.values import Number

TERM_MAX = 128
"""Characters of a value that it is found by; more would make the index large and nothing easier to find."""
BODY_TERMS_MAX = 40
"""Values of one body in quarantine: more than any provider's have, and no way to fill a disk."""
BODY_TERM_MIN = 4
_EXACTLY = Context(prec=TERM_MAX)
"""Digits that are compared; a word has no more."""
FORMAT = 2
"""Of all engines' indexes. Raised whenever what a record is found by changes, or where it is kept: those of another one
are made anew."""
_AMOUNTS = (("spent", "amount"), ("received", "amount"), ("payout", "amount"), ("payout", "paid"), ("payout", "failed"))
"""Where an event has amounts that people ask by; fees are not among them."""
_AMOUNT = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_BETWEEN_THOUSANDS = dict.fromkeys(map(ord, " \u00a0\u202f_'"))
BACKWARDS, FACET = "\ue000", "\ue001"
"""The first characters of words that are no value: one written backwards, and a property. No folded value has them."""


def fold(value: str) -> str:
    """A value as a word of the index: lower case, without spaces, and not longer than ``TERM_MAX``."""
    plain = value if value.isascii() else value.replace(BACKWARDS, "_").replace(FACET, "_")
    return "_".join(plain.lower().split())[:TERM_MAX]


def backwards(word: str) -> str:
    """The word by which a value is found by its end."""
    return BACKWARDS + word[::-1]


@lru_cache(maxsize=4096)
def facet(name: str, value: str) -> str:
    """The word of a property: ``status``, ``completed``."""
    return f"{FACET}{name}={fold(value)}"


@lru_cache(maxsize=4096)
def number_word(digits: str) -> str:
    """A decimal number so that equal ones are equal texts: ``100.00``, ``1E2`` and ``100`` are one."""
    try:
        return str(Decimal(digits).normalize(_EXACTLY))
    except ArithmeticError:  # no number, or one that no money ever is
        return digits


def amount_words(said: Mapping[str, Any]) -> Iterator[str]:
    """The amounts that an event is found by, each as ``number_word`` writes it."""
    for part, name in _AMOUNTS:
        digits = (said.get(part) or {}).get(name)
        if isinstance(digits, str):
            yield number_word(digits)


def typed_amount(text: str) -> str | None:
    """An amount that a person typed as digits, without what stands between thousands; None where it is none."""
    digits = text.translate(_BETWEEN_THOUSANDS)
    return digits if _AMOUNT.fullmatch(digits) else None


@dataclass(frozen=True, slots=True)
class Document:
    """One record as an index takes it."""

    number: int
    received_at: str
    words: tuple[str, ...]
    """Values, values backwards, properties; each once."""
    counted: Counter | None
    """None where it was counted before."""
    standing: tuple[EntryId, str] | None = None
    """Of a quarantine record: its entry, and the word that nobody knew."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What a record or a repeat counts for."""

    at_us: int
    source: str
    kind: str
    status: str
    outcome: str
    anomalies: str = ""
    """Joined by commas."""


def document(record: OutboxRecord, masked_body: bytes | None = None, body: bytes | None = None) -> Document:
    """Make the document of one record; the bodies are those of a callback that nobody could read, where it is there."""
    said = _said(record)
    values = list(record_values(record, said))
    if masked_body is not None:
        values += [("body", value) for value in body_values(masked_body)]
    words = dict.fromkeys(_facets(record, said))
    for by, value in values:
        word = fold(value)
        words[word] = None
        if by != "event_id":
            words[backwards(word)] = None
    standing = None
    if record.record_type == "quarantine" and (entry := _entry(record)) is not None:
        word = "" if body is None else offending_word(str(said.get("reason")), str(said.get("detail")), body)
        standing = entry, word
    counted = Counter(
        to_us(record.received_at),
        record.source,
        record.kind,
        record.status,
        record.record_type,
        ",".join(said.get("anomalies") or ()),
    )
    return Document(record.number, record.received_at, tuple(word for word in words if word), counted, standing)


def record_values(record: OutboxRecord, said: Mapping[str, Any] | None = None) -> Iterator[tuple[By, str]]:
    """All that a record is found by, beside its numbers: (which of its parts, the value). Cards are masked in it."""
    if record.record_type == "quarantine":
        return
    said = _said(record) if said is None else said
    payout = said.get("payout") or {}
    destination = payout.get("destination")
    card: By = "card" if destination and MASKED.fullmatch(destination) else "address"
    named: tuple[tuple[By, Any], ...] = (
        ("operation", record.operation_id),
        ("event_id", record.record_id),
        ("reference", said.get("reference")),
        ("transaction_hash", said.get("transaction_hash")),
        (card, destination),
    )
    for by, value in named:
        if isinstance(value, str) and value:
            yield by, value


def body_values(masked_body: bytes) -> list[str]:
    """The texts and numbers of a body, without those that have spaces, up to ``BODY_TERMS_MAX``."""
    try:
        found = _leaves(read_json(masked_body))
    except NotUnderstood:
        return []
    values = dict[str, None]()
    for value in found:
        if len(value) >= BODY_TERM_MIN and not any(map(str.isspace, value)):
            values[value] = None
        if len(values) == BODY_TERMS_MAX:
            break
    return list(values)


def _leaves(said: Any) -> Iterator[str]:
    waiting = [said]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            yield one
        elif isinstance(one, Number):
            yield one.text


@dataclass(frozen=True, slots=True)
class Query:
    """What a person typed, as it is looked for."""

    words: tuple[str, ...]
    """A whole value as it was typed, and what looks like a card number also masked: an id may look like one."""
    part: bool
    """Whether it is long enough to be looked for as a part, too."""

    def matches(self, by: By, value: str) -> bool | None:
        """True for a whole value, None for its beginning or end, False for another one; an event id has no end here."""
        folded = fold(value)
        if folded in self.words:
            return True
        at_an_end = folded.startswith(self.words) or (by != "event_id" and folded.endswith(self.words))
        return None if self.part and at_an_end else False

    def in_body(self, body: bytes) -> bool:
        """Whether a body has it anywhere; a masked card where the body has the whole one."""
        text = body.decode("utf-8", "replace")
        return any(word in (mask_cards(text) if "*" in word else text).lower() for word in self.words)


def query(text: str, part_min: int) -> Query:
    """Read what a person typed: a whole card number is masked, and a masked one is as events have it."""
    bare = text.strip().replace(" ", "").replace("-", "")
    masked = mask_cards(text.strip())
    if masked != text.strip() and bare.isdigit():
        masked = mask_card(bare)
    elif "*" in bare and MASKED.fullmatch(bare):
        masked = bare
    words = tuple(word for word in dict.fromkeys(fold(typed.strip("…")) for typed in (text, masked)) if word)
    return Query(words, bool(words) and min(map(len, words)) >= part_min)


def wanted_facets(wanted: Wanted) -> list[str]:
    """The words that every record of a list has."""
    named = {
        "provider": wanted.provider,
        "source": wanted.source,
        "family": wanted.family,
        "kind": wanted.kind,
        "status": wanted.status,
        "anomaly": wanted.anomaly,
        "outcome": wanted.outcome,
        "via": wanted.observed_via,
        "effective": None if wanted.effective is None else str(wanted.effective),
        "amount": None if wanted.amount is None else number_word(wanted.amount),
    }
    whole = [fold(value) for value in (wanted.event_id, wanted.operation_id) if value is not None]
    return whole + [facet(name, value) for name, value in named.items() if value is not None]


def lets_through(wanted: Wanted, record: OutboxRecord) -> bool:
    """Whether a list is to have a record."""
    words = {*_facets(record, _said(record)), fold(record.record_id), fold(record.operation_id)}
    return (
        set(wanted_facets(wanted)) <= words
        and (wanted.since is None or record.received_at >= wanted.since)
        and (wanted.until is None or record.received_at < wanted.until)
    )


def key_of(record: OutboxRecord) -> str:
    """The key of an event's operation."""
    return operation_key(record.provider, record.account, record.kind, record.operation_id)


def _facets(record: OutboxRecord, said: Mapping[str, Any]) -> Iterator[str]:
    yield facet("outcome", record.record_type)
    yield facet("provider", record.provider)
    yield facet("source", record.source)
    if record.record_type == "quarantine":
        return
    yield facet("family", record.family)
    yield facet("kind", record.kind)
    yield facet("status", record.status)
    yield facet("effective", str(record.effective))
    yield facet("via", said.get("observed_via") or ("poll" if record.callback is None else "webhook"))
    for anomaly in said.get("anomalies") or ():
        yield facet("anomaly", anomaly)
    for word in amount_words(said):
        yield facet("amount", word)


def _said(record: OutboxRecord) -> Mapping[str, Any]:
    said = orjson.loads(record.value)
    return said if isinstance(said, dict) else {}


def _entry(record: OutboxRecord) -> EntryId | None:
    try:
        entry = EntryId.parse(record.record_id)
    except ValueError:  # of an old release, whose entry nobody knows any more
        return None
    return entry if entry.number else None
