"""Times as text: RFC 3339 in UTC, from and to Unix milliseconds and microseconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

DAY_US = 86_400 * 1_000_000


def instant(time: str) -> tuple[str, str]:
    """A key that orders times given by ``rfc3339``: equal instants are equal whatever their trailing zeros."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return whole, fraction.rstrip("0")


def from_ms(milliseconds: int) -> str:
    """RFC 3339 UTC with milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_whole(seconds)}.{rest:03d}Z"


def from_us(microseconds: int) -> str:
    """RFC 3339 UTC with microseconds."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_whole(seconds)}.{rest:06d}Z"


def to_us(time: str) -> int:
    """Read what ``from_us`` wrote."""
    return round(datetime.fromisoformat(time).timestamp() * 1_000_000)


def day_of(microseconds: int) -> str:
    """The UTC day, YYYY-MM-DD."""
    return _whole(microseconds // 1_000_000)[:10]


@lru_cache(maxsize=1024)
def _whole(seconds: int) -> str:
    # Callbacks of one second share it.
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
