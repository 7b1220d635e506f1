"""Fields that several pages have: what a list may be narrowed by, and times as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast, get_args

from exchange_events.quarantine import Reason
from exchange_events.status_event import Anomaly, Family, ObservedVia, Status
from receiver.console.answers import Ask, BadQuestion
from receiver.console.desk import Desk
from receiver.journal.index import Wanted
from receiver.journal.terms import typed_amount
from receiver.model.times import from_us

REASONS: Sequence[str] = get_args(Reason)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
OUTCOMES = ("event", "quarantine", "withheld")
TIME_FIELDS = ("since", "until")
EFFECTIVE: Mapping[str, bool] = {"yes": True, "no": False}


def time_us(ask: Ask, name: str) -> int | None:
    """A field as a time, Unix microseconds: a UTC day, or a day and a time of it. Raises ``BadQuestion``."""
    said = ask.text(name)
    if said is None:
        return None
    found = _TIME.fullmatch(said)
    wrong = BadQuestion(f"{name} is a UTC day, as 2026-05-27, or 2026-05-27T08:55, not {said}")
    if found is None:
        raise wrong
    day, clock, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00'}{'' if zone in {None, 'Z'} else zone}")
        return round((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise wrong from None


def time_text(ask: Ask, name: str) -> str | None:
    """The same as the journal writes it."""
    at_us = time_us(ask, name)
    return None if at_us is None else from_us(at_us)


def choices(desk: Desk) -> dict[str, Sequence[str]]:
    """Field → what may be chosen there."""
    kinds = sorted({kind for source in desk.sources for kind in source.kinds})
    return {
        "source": [source.name for source in desk.sources],
        "kind": kinds,
        "family": get_args(Family),
        "status": get_args(Status),
        "anomaly": get_args(Anomaly),
        "outcome": OUTCOMES,
        "observed_via": get_args(ObservedVia),
        "effective": tuple(EFFECTIVE),
    }


def wanted(ask: Ask) -> Wanted:
    """What a list is to have; raises ``BadQuestion``."""
    outcome = ask.text("outcome")
    if outcome not in {None, *OUTCOMES}:
        raise BadQuestion(f"outcome is one of {', '.join(OUTCOMES)}")
    return Wanted(
        source=ask.text("source"),
        kind=ask.text("kind"),
        family=ask.text("family"),
        status=ask.text("status"),
        since=time_text(ask, "since"),
        until=time_text(ask, "until"),
        anomaly=ask.text("anomaly"),
        outcome=cast("Any", outcome),
        observed_via=ask.text("observed_via"),
        effective=effective(ask),
        amount=amount(ask),
    )


def effective(ask: Ask) -> bool | None:
    """The field ``effective``; raises ``BadQuestion``."""
    said = ask.text("effective")
    if said is not None and said not in EFFECTIVE:
        raise BadQuestion("effective is yes or no")
    return None if said is None else EFFECTIVE[said]


def amount(ask: Ask) -> str | None:
    """The field ``amount`` as digits; raises ``BadQuestion``."""
    said = ask.text("amount")
    digits = None if said is None else typed_amount(said)
    if said is not None and digits is None:
        raise BadQuestion(f"amount is digits with a point before the fraction, as 8123.25, not {said}")
    return digits


def kept(ask: Ask, *names: str) -> dict[str, str]:
    """Those fields that were filled in, to be passed on in links."""
    return {name: ask.query[name] for name in names if name in ask.query}


def option(name: str, value: object) -> str:
    """An option of a command, quoted for a shell; empty without a value."""
    return "" if value in {None, ""} else f" --{name.replace('_', '-')} {quoted(str(value))}"


def quoted(text: str) -> str:
    """A word for a shell."""
    return text if re.fullmatch(r"[A-Za-z0-9_.:@%+=,/-]+", text) else "'" + text.replace("'", "'\\''") + "'"
