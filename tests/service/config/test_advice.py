"""How advice reads."""

from __future__ import annotations

from receiver.service.config.advice import Advice


def test_it_is_one_line_with_place_reason_and_remedy() -> None:
    """A note says that it is one."""
    assert str(Advice("admin.host", "it is open", "close it")) == "warning: admin.host: it is open; close it"
    assert str(Advice("clock", "it is off", "mend it", note=True)) == "note: clock: it is off; mend it"
