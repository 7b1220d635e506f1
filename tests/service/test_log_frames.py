"""Exceptions as the log shows them."""

from __future__ import annotations

from receiver.service.log_frames import frames_only


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
