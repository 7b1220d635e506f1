"""How values are written: digits as they came, one way for times and counts, everything escaped."""

from __future__ import annotations

import pytest

from receiver.console.access import Door
from receiver.console.render import Renderer, ago, grouped, plural, pretty, when
from receiver.console.rules import AccessRules


def test_digits_of_a_body_stay_as_they_came() -> None:
    """No amount goes through a float."""
    shown = str(pretty(b'{"amount":0.100000000000000000,"big":123456789012345678901234567890,"e":1E5,"n":[1,{}]}'))
    assert "0.100000000000000000" in shown
    assert "123456789012345678901234567890" in shown
    assert "1E5" in shown


@pytest.mark.parametrize("body", [b"<script>alert(1)</script>", b'{"a":"<img src=x onerror=alert(1)>"}', b'{"<b>":1}'])
def test_nothing_of_a_body_is_markup(body: bytes) -> None:
    """Nor of its names."""
    assert "<" not in str(pretty(body))


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 5000, b"", b"{", "\u202e\x1b[31m".encode()])
def test_a_body_that_is_no_json_is_shown_as_text(body: bytes) -> None:
    """With escapes for what would act on a screen."""
    shown = str(pretty(body))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_times_have_the_whole_one_beside_them() -> None:
    """And nothing is said of a time that is not known."""
    assert str(when("2026-05-27T08:55:23.456789Z")) == (
        '<time datetime="2026-05-27T08:55:23.456789Z" title="2026-05-27T08:55:23.456789Z">2026-05-27 08:55:23</time>'
    )
    assert "<time" not in str(when(None))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0, "0 s"), (0.25, "250 ms"), (59.6, "60 s"), (600, "10 min"), (12_000, "3 h 20 min"), (7200, "2 h"),
     (400_000, "4 d")],
)  # fmt: skip
def test_spans_are_for_people(seconds: float | None, said: str) -> None:
    """Two units at most."""
    assert ago(seconds) == said


def test_counts_are_grouped_and_have_their_word() -> None:
    """With thin spaces."""
    assert grouped(1_234_567) == "1\u202f234\u202f567"
    assert grouped(None) == "–"
    assert (plural(1, "callback"), plural(2, "callback")) == ("1 callback", "2 callbacks")


def test_an_address_keeps_what_a_stranger_wrote_in_its_place() -> None:
    """A slash, a question mark or a quote in an id leads nowhere else."""
    at = Renderer(Door(AccessRules(base_path="/r")), simulator=False).at
    assert at("/operation", "a/b?c#d%e") == "/r/operation/a%2Fb%3Fc%23d%25e"
    assert at("/search", q='"&x=1', source=None, kind="") == "/r/search?q=%22%26x%3D1"
