"""A callback's body as it may leave the journal: without card numbers, and else byte for byte. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from receiver.model.cards import mask_card, mask_cards, mask_number
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import read_json
from receiver.model.frozen import dataclass
from receiver.model.values import AMOUNT

_ID, _AMOUNT = "id", "amount"
_LIKE_A_CARD = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9][0-9.eE+-]*+|[\[\]{},:]', re.DOTALL)
"""All that a JSON text is made of, but for spaces, ``true``, ``false`` and ``null``."""


@dataclass(frozen=True, slots=True)
class BodyFields:
    """What is known of some fields of a body, by their dotted paths, whoever sent it."""

    ids: frozenset[str] = frozenset()
    """The id of the operation, which is left as it is."""
    amounts: frozenset[str] = frozenset()
    """Amounts of money, which are left where they are numbers."""
    cards: frozenset[str] = frozenset()
    """Names, at whatever place, of what may be a card number: masked also where Luhn's formula says that it is none."""


def mask_body(body: bytes, fields: BodyFields) -> bytes:
    """Mask card numbers in the values and the names of a JSON text; a number becomes a string.

    What is no JSON is masked as one text, bytes that are no UTF-8 stay as they are. Nothing else changes.
    """
    text = body.decode("utf-8", "surrogateescape")
    try:
        read_json(body)
    except NotUnderstood:
        masked = _mask_named(mask_cards(text), fields.cards)
    else:
        masked = _Walk(text, fields).masked()
    return masked.encode("utf-8", "surrogateescape")


def _mask_named(text: str, names: Iterable[str]) -> str:
    if not names:
        return text
    named = "|".join(sorted(map(re.escape, names)))
    found = re.compile(rf'("(?:{named})"\s*+:\s*+"?)({_LIKE_A_CARD.pattern})(?=["\s,}}\]])')
    return found.sub(lambda match: match[1] + mask_card(match[2]), text)


class _Walk:
    """Goes through a JSON text that is known to be one, token by token, and knows at which place it is."""

    def __init__(self, text: str, fields: BodyFields) -> None:
        self._text = text
        self._cards = fields.cards
        self._parts: list[str] = []
        self._at = 0
        # Known fields below the present place: a tree, so that no path is ever put together.
        self._below: Any = _tree(fields)
        self._above: list[tuple[Any, bool, str]] = []
        self._in_object = False
        self._key = ""
        self._key_is_next = False

    def masked(self) -> str:
        """The text with card numbers masked."""
        for found in _TOKEN.finditer(self._text):
            first = found[0][0]
            if first in "[]{},:":
                self._move(first)
            elif first == '"':
                self._string(found)
            else:
                self._number(found)
        return "".join((*self._parts, self._text[self._at :]))

    def _move(self, mark: str) -> None:
        if mark in "{[":
            self._above.append((self._below, self._in_object, self._key))
            if self._above[1:]:
                known = self._known()
                self._below = known if isinstance(known, Mapping) else None
            self._in_object = mark == "{"
        elif mark in "}]":
            self._below, self._in_object, self._key = self._above.pop()
        self._key_is_next = self._in_object and mark in "{,"

    def _known(self) -> Any:
        """What is known of the value at the present place."""
        if not self._in_object:
            return self._below
        return self._below.get(self._key) if isinstance(self._below, Mapping) else None

    def _string(self, found: re.Match[str]) -> None:
        said = json.loads(found[0]) if "\\" in found[0] else found[0][1:-1]
        if self._key_is_next:
            self._key = said
            masked = mask_cards(said)
        else:
            masked = self._mask(said, mask_cards(said))
        if masked != said:
            self._put(found, masked)

    def _number(self, found: re.Match[str]) -> None:
        masked = self._mask(found[0], mask_number(found[0]) or found[0])
        if masked != found[0]:
            self._put(found, masked)

    def _mask(self, said: str, masked: str) -> str:
        known = self._known()
        if known == _ID or (known == _AMOUNT and AMOUNT.fullmatch(said)):
            return said
        if self._key in self._cards and _LIKE_A_CARD.fullmatch(said):
            return mask_card(said)
        return masked

    def _put(self, found: re.Match[str], masked: str) -> None:
        self._parts += (self._text[self._at : found.start()], json.dumps(masked, ensure_ascii=False))
        self._at = found.end()


def _tree(fields: BodyFields) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for kind, paths in ((_AMOUNT, fields.amounts), (_ID, fields.ids)):
        for path in paths:
            *parents, name = path.split(".")
            place = tree
            for parent in parents:
                place = place.setdefault(parent, {})
            place[name] = kind
    return tree
