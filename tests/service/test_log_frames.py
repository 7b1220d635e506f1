"""What a line of the log may say: exceptions as frames, and no card number."""

from __future__ import annotations

import json

from receiver.service.console_log import for_people
from receiver.service.log_frames import frames_only, without_cards
from receiver.service.logs import json_line


def test_exceptions_come_in_every_form() -> None:
    """An instance, a tuple, ``True``, or none."""
    error = ValueError("x")
    assert frames_only(None, "", {"exc_info": error})["exception"] == "ValueError"
    assert frames_only(None, "", {"exc_info": (ValueError, error, None)})["exception"] == "ValueError"
    try:
        raise error
    except ValueError:
        assert frames_only(None, "", {"exc_info": True})["exception"] == "ValueError"
    assert frames_only(None, "", {"exc_info": None, "event": "x"}) == {"event": "x"}


CARD = "4111 1111 1111 1111"
HIDDEN = "411111******1111"


def test_a_card_number_in_a_field_is_masked() -> None:
    """In a text, a list, a mapping, an error; what names an operation stays, so that its lines are found."""
    fields = {"why": CARD, "names": [CARD], "more": {CARD: CARD}, "error": ValueError(CARD), "operation": CARD, "n": 7}
    hidden = {"why": HIDDEN, "names": [HIDDEN], "more": {HIDDEN: HIDDEN}, "error": HIDDEN}
    assert without_cards(fields) == fields | hidden
    harmless = {"source": "0xpay-main", "why": "a clock that is off", "callback": 4111111111111111}
    assert without_cards(harmless) is harmless


def test_a_line_for_people_is_one_line() -> None:
    """Whatever a field holds; other values than texts are shown as their `repr`."""
    said = for_people(None, "", {"event": "x", "why": f"\x1b[2J\n{CARD}\u202e", "n": 1, "names": ["\x1b"]})
    assert said == {"event": "x", "why": f"\\x1b[2J\\n{HIDDEN}\\u202e", "n": 1, "names": ["\x1b"]}


def test_a_line_of_json_has_escapes_for_what_a_terminal_acts_upon() -> None:
    """Also where it is cut."""
    for more in ("", "x" * 10_000):
        line = json_line({"why": f"\x9b\u202e\u2028{CARD}{more}"}, "odd", "info")
        assert line.decode().isprintable()
        assert json.loads(line)["why"].startswith(f"\x9b\u202e\u2028{HIDDEN}")
