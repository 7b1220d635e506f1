"""What happened, in sentences: a timeline told to somebody who does not know our words. Pure.

A row says what something became, in the words of the journal; a person who was rung up by a customer wants to read
that the provider changed its mind, that somebody repeated what was known, or that nothing ever came. Each sentence
belongs to one arrival, and is of use without the table below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from receiver.model.records import Quarantined
from receiver.model.times import to_us

REASONS: Mapping[str, str] = {
    "not_utf8": "its bytes are no UTF-8",
    "not_json": "it is no JSON",
    "schema": "a field is missing or has another shape",
    "account_mismatch": "it is of another account than the source's",
    "unknown_kind": "it tells of a kind of operation that this release does not know",
    "unknown_status": "its status is a word that this release does not know",
    "too_large_for_broker": "its event is larger than Kafka takes",
    "internal_error": "an error of ours kept it from being read",
}
"""Reason of a quarantine → the same in words."""
REFUSED = "refused by Kafka"
"""What the detail says where it was Kafka itself that took no event."""
Level = Literal["usual", "odd"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One arrival in words."""

    at: str | None
    """When it arrived, RFC 3339 UTC; None for what says no time."""
    text: str
    level: Level = "usual"
    """``odd``: what somebody would ask about."""


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known of arrivals."""

    standings: Mapping[int | str, Quarantined]
    """Arrival → its standing in quarantine, where it is or was there."""
    words: Mapping[int | str, str]
    """Arrival → the word that nobody knew."""
    other_bytes: Mapping[int | str, int]
    """Repeat → how many bytes longer its body is than the one that it repeats, where the bodies differ."""


def told(rows: Sequence[Mapping[str, Any]], known: Known) -> list[Sentence]:
    """The story of one operation: ``rows`` as ``operate.timeline`` gives them, in order of receipt."""
    states = _states(rows)
    sentences: list[Sentence] = []
    calls = [row for row in rows if _arrival(row) == "callback"]
    for row in rows:
        tell = _TELL.get(str(row["outcome"]))
        if tell is not None:
            sentences += tell(row, rows, states, known)
    if rows and not calls and any(_arrival(row) == "answer" for row in rows):
        said = "No callback of it ever came: all that is known of it was learnt by asking the provider."
        sentences.insert(0, Sentence(None, said, "odd"))
    return _together(sentences)


def stands(standing: Quarantined, word: str = "") -> str:
    """Why a callback is or was in quarantine, and how that ended."""
    if REFUSED in standing.detail:
        missed = standing.detail.partition("; ")[2]
        why = f"Kafka refused the event that was made of it{f', and {missed}' if missed else ''}"
    else:
        unknown = f": {word}" if word else f" ({standing.detail})" if standing.detail else ""
        why = f"Nobody could read it, since {REASONS.get(standing.reason, standing.reason)}{unknown}"
    ended = {
        "open": "It waits in quarantine for somebody's decision",
        "redriven": "It was redriven later, and could be read then",
        "closed": f"Somebody closed it: {standing.why}",
    }
    return f"{why}. {ended.get(standing.state, standing.state)}."


def in_other_bytes(longer: int) -> str:
    """A repeat whose body is not that of what it repeats, and how many bytes longer it is."""
    of = f"{abs(longer)} bytes {'more' if longer > 0 else 'fewer'}" if longer else "as many of them"
    return f"Its bytes are others than those that it repeats ({of}), and mean the same."


def _arrival(row: Mapping[str, Any]) -> str:
    if row["callback"] is None or row["outcome"] == "erased":
        return ""
    return "answer" if str(row["callback"]).startswith("poll-") else "callback"


def _named(row: Mapping[str, Any]) -> str:
    kind = _arrival(row)
    if kind == "answer":
        return "The provider's answer, when it was asked,"
    return f"Callback {row['callback']}" if kind else "An event that was taken over from Kafka"


def _states(rows: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any] | None]:
    """Record → the event that was the operation's state before it."""
    events = {row["record"]: row for row in rows if row["outcome"] == "event" and row.get("sequence")}
    before: dict[int, Mapping[str, Any] | None] = {}
    state: Mapping[str, Any] | None = None
    for number in sorted(events):
        before[number] = state
        state = events[number] if events[number]["effective"] else state
    return before


_Rows = Sequence[Mapping[str, Any]]
_States = Mapping[int, Mapping[str, Any] | None]


def _event(row: Mapping[str, Any], rows: _Rows, states: _States, known: Known) -> Iterator[Sentence]:
    del rows
    before = states.get(row["record"])
    word, status, anomalies = row.get("provider_status", ""), row.get("status", ""), row.get("anomalies", ())
    standing = known.standings.get(row["callback"]) if row["callback"] is not None else None
    if standing is not None:
        said = stands(standing, known.words.get(row["callback"], ""))
        yield Sentence(row["received_at"], f"Callback {row['callback']} came. {said}", "odd")
    text = f"{_named(row)} said {word}, which is {status}."
    if before is not None and not row["effective"]:
        text += _not_effective(anomalies, before, status)
    elif before is not None and "conflict" in anomalies:
        text += (
            f" It had been {before['status']} before; what the provider answers when it is asked overrules that, so it "
            f"is {status}."
        )
    if "amended" in anomalies:
        text += _amended(row.get("changed") or {}, word)
    if "partial" in anomalies:
        text += " Only a part of the amount was paid."
    if "kind_missing" in anomalies:
        text += " It did not say of what kind of operation; that was told by its fields."
    yield Sentence(row["received_at"], text, "odd" if anomalies or not row["effective"] else "usual")


def _not_effective(anomalies: Sequence[str], before: Mapping[str, Any], status: str) -> str:
    was = before["status"]
    if "conflict" in anomalies:
        return (
            f" But the operation had ended as {was} before: {status} came after {was}, and the first end stays, so it "
            f"is {was} still. Ask the provider which of the two is true."
        )
    return f" It came late: the operation was {was} already, and stays so."


def _amended(changed: Mapping[str, Mapping[str, Any]], word: str) -> str:
    facts = [fact for name, one in changed.items() for fact in _facts(name, one["was"], one["now"])]
    listed = "; ".join(facts) or "what it says otherwise is not known any more"
    return f" It amended what {word} had said before: {listed}."


def _facts(name: str, was: Any, now: Any) -> Iterator[str]:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for part in now:
            if was.get(part) != now[part]:
                yield from _facts(f"{name} {part}", was.get(part), now[part])
        return
    yield f"{name.replace('_', ' ')} was {_shown(was)}, is {_shown(now)}"


def _shown(value: Any) -> str:
    return "not said" if value is None else str(value)


def _duplicate(row: Mapping[str, Any], rows: _Rows, states: _States, known: Known) -> Iterator[Sentence]:
    del states
    first = next((one for one in rows if one["outcome"] == "event" and one["record"] == row["record"]), None)
    word, status = row.get("provider_status", ""), row.get("status", "")
    said = f"{word} ({status})" if word else "what was known"
    text = f"{_named(row)} said {said} again: nothing new."
    level: Level = "usual"
    if first is not None and _arrival(first) == "answer" and _arrival(row) == "callback":
        text = (
            f"Callback {row['callback']} came late with {said}: the provider had said so {_after(first, row)} before, "
            "when it was asked. It changed nothing."
        )
        level = "odd"
    longer = known.other_bytes.get(row["callback"])
    if longer is not None:
        text += f" {in_other_bytes(longer)}"
        level = "odd"
    yield Sentence(row["received_at"], text, level)


def _after(first: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    if not first["received_at"] or not row["received_at"]:
        return "some time"
    whole = max(0, to_us(row["received_at"]) - to_us(first["received_at"])) // 1_000_000
    if whole < 120:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _quarantine(row: Mapping[str, Any], rows: _Rows, states: _States, known: Known) -> Iterator[Sentence]:
    del rows, states
    standing = known.standings.get(row["callback"]) if row["callback"] is not None else None
    text = "Nobody could read it." if standing is None else stands(standing, known.words.get(row["callback"], ""))
    yield Sentence(row["received_at"], f"{_named(row)} came. {text}", "odd")


def _erased(row: Mapping[str, Any], rows: _Rows, states: _States, known: Known) -> Iterator[Sentence]:
    del rows, states, known
    yield Sentence(row["received_at"], f"{row['who']} had it erased ({row['what']}): {row['reason']}.", "odd")


_TELL: Mapping[str, Callable[[Mapping[str, Any], _Rows, _States, Known], Iterator[Sentence]]] = {
    "event": _event,
    "duplicate": _duplicate,
    "quarantine": _quarantine,
    "erased": _erased,
}
"""What an arrival became → how it is told."""
TOGETHER_MIN = 3
"""Usual repeats in a row that are told as one sentence."""


def _together(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The same with usual repeats in a row as one, so that a provider's retries hide nothing."""
    shown: list[Sentence] = []
    repeats: list[Sentence] = []
    for one in [*sentences, None]:
        if one is not None and one.level == "usual" and one.text.endswith("again: nothing new."):
            repeats.append(one)
            continue
        if len(repeats) >= TOGETHER_MIN:
            shown.append(Sentence(repeats[0].at, f"{len(repeats)} more callbacks said the same again: nothing new."))
        else:
            shown += repeats
        repeats = []
        shown += [] if one is None else [one]
    return shown
