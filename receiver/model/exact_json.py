"""Reading and writing without losing a digit: exact JSON in, canonical JSON out, times and card numbers as text.

Numbers keep their source text, so that an amount is never a float; what JSON allows but no one can keep (NaN, lone
surrogates, endless nesting) is refused. All of it is independent of the interpreter's own limits, so that the same
bytes are read, or refused, alike everywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NoReturn

import orjson

from receiver.model.errors import NotUnderstood
from receiver.model.values import Number

NESTING_MAX = 100
"""Levels of arrays and objects in a body: far above any provider's, far below what exhausts a parser's stack."""

SPACES = " \t\n\r"
"""What RFC 8259 allows around a value."""
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
"""A string or a bracket. It gives nothing back that it took, and takes a string that never ends to its end: so a body
is gone through once, where an attempt that fails at each quote would go through the rest of it every time."""


def read_json(body: bytes) -> Any:
    """Parse ``body`` exactly; numbers become ``Number``.

    Raises ``NotUnderstood``: ``not_utf8``, or ``not_json`` for all that RFC 8259 does not allow, and for a byte order
    mark, NaN, Infinity, lone surrogates, and nesting deeper than ``NESTING_MAX``.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotUnderstood("not_utf8", "$") from None
    if text.startswith("\ufeff") or _too_deep(text):
        raise NotUnderstood("not_json", "$")
    text = text.strip(SPACES)
    try:
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise NotUnderstood("not_json", "$")
        if "\\" in text and ("\\ud" in text or "\\uD" in text):
            canonical_json(value)  # a lone surrogate cannot be encoded
    except ValueError:
        raise NotUnderstood("not_json", "$") from None
    return value


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON without spaces, keys sorted by code point; a ``Number`` is its text, marked as no string.

    The same bytes as ``json.dumps`` with the same settings, which a test holds it against. Raises ``ValueError`` on
    lone surrogates.
    """
    try:
        return orjson.dumps(value, default=_number, option=_CANONICAL)
    except orjson.JSONEncodeError as error:
        raise ValueError("no UTF-8 can hold this") from error


def write_json(value: Any) -> bytes:
    """Compact UTF-8 JSON of what ``read_json`` gave, each number as it stood in the source."""
    return orjson.dumps(value, default=_verbatim, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def payload_digest(value: Any) -> bytes:
    """SHA-256 of the canonical form of a parsed body: equal for a re-indented or re-ordered one."""
    return hashlib.sha256(canonical_json(value)).digest()


def _verbatim(value: object) -> orjson.Fragment:
    assert isinstance(value, Number), value  # noqa: S101  as below
    return orjson.Fragment(value.text)


def _number(value: object) -> dict[str, str]:
    assert isinstance(value, Number), value  # noqa: S101  nothing else comes out of read_json
    return {"\u0000number": value.text}


_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
"""One for all: ``json.loads`` with hooks makes one for each body. Its ``decode`` looks for spaces with patterns."""


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= NESTING_MAX:
        return False
    depth = 0
    for match in _BRACKETS.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > NESTING_MAX:
                return True
        elif mark in "]}":
            depth -= 1
    return False
