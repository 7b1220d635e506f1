"""The grammar of single values in providers' bodies: amounts, times, text; exact, so that no digit is lost."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from receiver.model.frozen import dataclass

AMOUNT_PATTERN = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
"""What may stand in an amount's place, as text or as a JSON number (``providers/mapping``, "Values")."""
AMOUNT = re.compile(AMOUNT_PATTERN)
MILLISECONDS = re.compile(r"[0-9]{12,13}")
RFC3339 = re.compile(
    r"(?P<whole>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?P<fraction>\.[0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})"
)
ZONED = re.compile(r".*(Z|[+-][0-9]{2}:[0-9]{2})")
TIME_MS_MIN, TIME_MS_MAX = 946_684_800_000, 4_102_444_800_000
"""The beginnings of the years 2000 and 2100, Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it stands in the source; no string, so that the two are not mistaken for each other."""

    text: str


def amount(value: object) -> str:
    """Give an amount's digits as they stand in the source; ``ValueError`` for anything that is no amount."""
    text = value.text if isinstance(value, Number) else value
    if not isinstance(text, str) or AMOUNT.fullmatch(text) is None:
        raise ValueError("no decimal number")
    return text


def time_ms(value: object) -> int:
    """Give a Unix time in ms between 2000 and 2100; ``ValueError`` for anything else, a string too."""
    if not isinstance(value, Number) or MILLISECONDS.fullmatch(value.text) is None:
        raise ValueError("no time in milliseconds")
    milliseconds = int(value.text)
    if not TIME_MS_MIN <= milliseconds <= TIME_MS_MAX:
        raise ValueError("no time between 2000 and 2100")
    return milliseconds


def rfc3339(value: object) -> str:
    """Give an RFC 3339 time in UTC with ``Z``: as it stands where it is one already; ``ValueError`` otherwise."""
    match = RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("no RFC 3339 time")
    moment = datetime.fromisoformat(match["whole"])
    if match["zone"] == "Z":
        return match.string
    hours, minutes = int(match["zone"][1:3]), int(match["zone"][4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no offset")
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        utc = moment - offset if match["zone"][0] == "+" else moment + offset
    except OverflowError:
        raise ValueError("no time we can count") from None
    return f"{utc.isoformat()}{match['fraction'] or ''}Z"


def moment(value: object) -> str:
    """Give an RFC 3339 time in UTC; one without a zone is taken for UTC. ``ValueError`` for anything else."""
    return rfc3339(f"{value}Z" if isinstance(value, str) and ZONED.fullmatch(value) is None else value)


AmountText = Annotated[str, StringConstraints(pattern=f"^{AMOUNT_PATTERN}$")]
Amount = Annotated[AmountText | Annotated[str, BeforeValidator(amount)], Field(union_mode="left_to_right")]
"""A decimal as text or JSON number, kept as its source text. Text is checked without Python: measured, a third of the
cost of a body's model."""
TimeMs = Annotated[int, BeforeValidator(time_ms)]
"""Unix time, milliseconds."""
Rfc3339 = Annotated[str, BeforeValidator(rfc3339)]
"""RFC 3339, made UTC."""
