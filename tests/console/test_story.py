"""Timelines in sentences: what is odd is said as such, and what repeats hides nothing."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.console.story import REASONS, Known, Sentence, in_other_bytes, stands, told
from receiver.model.callback import EntryId
from receiver.model.records import Quarantined
from receiver.model.times import from_us
from tests.support import NOW_S

NOTHING = Known({}, {}, {})


def row(callback: int | str | None, outcome: str = "event", at_s: int = 0, **said: Any) -> dict[str, Any]:
    """An arrival, as a timeline has it."""
    about: dict[str, Any] = {
        "callback": callback,
        "outcome": outcome,
        "received_at": from_us((NOW_S + at_s) * 1_000_000),
    }
    if outcome in {"event", "duplicate"}:
        about |= {"provider_status": "Done", "status": "completed", "effective": True, "anomalies": [], "sequence": 1}
    return {"record": callback if isinstance(callback, int) else 99, **about, **said}


def texts(*rows: dict[str, Any], known: Known = NOTHING) -> list[str]:
    """What is told."""
    return [one.text for one in told(rows, known)]


def standing(state: str, reason: str = "schema", detail: str = "amount", why: str = "") -> Quarantined:
    """One in quarantine."""
    return Quarantined(EntryId("inbox", 1), "a", reason, detail, from_us(0), state, why, 1)


def test_what_is_late_changes_nothing_and_says_so() -> None:
    """With what the operation was already."""
    late = row(2, status="pending", provider_status="Pending", effective=False, anomalies=["late"], sequence=2)
    assert texts(row(1), late) == [
        "Callback 1 said Done, which is completed.",
        "Callback 2 said Pending, which is pending. It came late: the operation was completed already, and stays so.",
    ]
    assert [one.level for one in told([row(1), late], NOTHING)] == ["usual", "odd"]


def test_an_answer_overrules_and_says_what_it_overruled() -> None:
    """The provider's own answer to a question is believed over what it had called."""
    answer = row("poll-3", status="failed", provider_status="ERROR", anomalies=["conflict"], sequence=2)
    (_, said) = texts(row(1), answer)
    assert said.startswith(
        "The provider's answer, when it was asked, said ERROR, which is failed. It had been completed"
    )


def test_amendments_are_told_field_by_field() -> None:
    """Also within an amount, and where nothing was said before."""
    changed = {
        "received": {"was": {"amount": "1", "currency": "BTC"}, "now": {"amount": "2", "currency": "BTC"}},
        "transaction_hash": {"was": None, "now": "0xab"},
    }
    (_, said) = texts(row(1), row(2, anomalies=["amended", "partial"], changed=changed, sequence=2))
    assert "received amount was 1, is 2; transaction hash was not said, is 0xab." in said
    assert said.endswith("Only a part of the amount was paid.")
    assert "is not known any more" in texts(row(1), row(2, anomalies=["amended"], sequence=2))[1]


def test_repeats_in_a_row_are_one_sentence_and_the_odd_one_stands_alone() -> None:
    """A provider that sends twenty times hides nothing of what it said once in other bytes."""
    repeats = [row(number, "duplicate", record=1) for number in range(2, 8)]
    assert texts(row(1), *repeats)[1:] == ["6 more callbacks said the same again: nothing new."]
    known = Known({}, {}, {4: -3})
    said = texts(row(1), *repeats, known=known)
    assert said[3].endswith(in_other_bytes(-3))
    assert "3 bytes fewer" in said[3]
    assert said[4] == "3 more callbacks said the same again: nothing new."
    assert "as many of them" in in_other_bytes(0)


@pytest.mark.parametrize(("after_s", "said"), [(5, "5 s"), (180, "3 min"), (7260, "2 h 1 min")])
def test_a_callback_after_the_poll_says_how_much_later_it_came(after_s: int, said: str) -> None:
    """In the largest unit that says enough."""
    answer, late = row("poll-1"), row(2, "duplicate", after_s, record=99)
    assert f"the provider had said so {said} before" in texts(answer, late)[-1]


def test_where_no_callback_came_that_is_said_first() -> None:
    """Not where one did, nor of what was taken over from Kafka."""
    first = "No callback of it ever came"
    assert texts(row("poll-1"))[0].startswith(first)
    assert not texts(row("poll-1"), row(2, "duplicate"))[0].startswith(first)
    assert texts(row(None)) == ["An event that was taken over from Kafka said Done, which is completed."]


def test_an_erasure_names_who_and_why() -> None:
    """It is part of the story."""
    gone = row(None, "erased", who="ann", what="operation", reason="asked by the customer")
    assert texts(gone) == ["ann had it erased (operation): asked by the customer."]


def test_every_reason_is_said_in_words_and_how_it_ended() -> None:
    """With the word that nobody knew where there is one, else the place in the body."""
    for reason, words in REASONS.items():
        assert words in stands(standing("open", reason))
    assert "does not know: Wondrous. It waits" in stands(standing("open", "unknown_status", "status"), "Wondrous")
    assert "another shape (amount). It was redriven" in stands(standing("redriven"))
    assert stands(standing("closed", why="a test of theirs (ann)")).endswith("closed it: a test of theirs (ann).")
    refused = standing("open", "too_large_for_broker", "$: refused by Kafka (X); consumers will miss sequence 4 of op")
    assert "Kafka refused the event that was made of it, and consumers will miss sequence 4 of op." in stands(refused)


def test_one_that_was_redriven_tells_both() -> None:
    """That it could not be read, and what it says."""
    known = Known({1: standing("redriven", "unknown_status", "status")}, {1: "Odd"}, {})
    first, second = told([row(1)], known)
    assert first == Sentence(from_us(NOW_S * 1_000_000), f"Callback 1 came. {stands(known.standings[1], 'Odd')}", "odd")
    assert second.text == "Callback 1 said Done, which is completed."
    assert texts(row(5, "quarantine")) == ["Callback 5 came. Nobody could read it."]
