"""Texts as PostgreSQL can hold them: its own have no zero character, and providers' ids and field names may. Pure.

Each character becomes one or two of its own, so equal texts stay equal and unequal ones unequal, a text that begins
another still does, and their order by bytes stays.
"""

from __future__ import annotations

import re
from typing import Any

_ESCAPED = re.compile("\x01([\x01\x02])")
_MEANING = {"\x01": "\x00", "\x02": "\x01"}


def to_kept(text: str) -> str:
    """Write zero as two ones, and one as one and two; nearly every text stays as it is."""
    if "\x00" not in text and "\x01" not in text:
        return text
    return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")


def from_kept(kept: str) -> str:
    """Read what ``to_kept`` wrote."""
    if "\x01" not in kept:
        return kept
    return _ESCAPED.sub(lambda found: _MEANING[found[1]], kept)


def binding(value: Any) -> Any:
    """A value for a statement: texts, also in lists, as they are kept."""
    if isinstance(value, str):
        return to_kept(value)
    if isinstance(value, list):
        return [to_kept(one) if isinstance(one, str) else one for one in value]
    return value


def row_of(values: Any) -> tuple[Any, ...]:
    """A row of an answer with its texts as they were."""
    return tuple([from_kept(value) if isinstance(value, str) else value for value in values])
