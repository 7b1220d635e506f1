"""How long a connection may stay as it is: a deadline for each state, moved by what gets the caller on. Pure."""

from __future__ import annotations

from receiver.intake.limits import Limits

CLOSING_S = 5.0
"""For a connection to be gone after it was closed; then what it was still to be told is dropped."""
IDLE = "idle"
"""The one end that needs no notice: the time between two requests is over."""


class Deadlines:
    """Of one connection, looked at once a second. All times are the loop's, s."""

    __slots__ = ("_closing_s", "_limits", "_writing_s", "since_s")

    def __init__(self, limits: Limits, now_s: float) -> None:
        self._limits = limits
        self.since_s = now_s
        """When the caller last got on: came, began a request, sent the last byte of one, was answered."""
        self._writing_s: float | None = None
        self._closing_s: float | None = None

    def overdue(self, now_s: float, state: str, *, body_bytes: int, answered: bool) -> str | None:
        """Why it has been waited for long enough: a key of ``notices.REFUSED``, or ``IDLE``; None where it has not.

        ``state``: one of ``notices.STATES``; ``body_bytes``: of the request's body so far; ``answered``: there was a
        request on this connection before.
        """
        limits, waited_s = self._limits, now_s - self.since_s
        if state == "writing":
            self._writing_s = now_s if self._writing_s is None else self._writing_s
            return "unread" if now_s - self._writing_s > limits.write_s else None
        self._writing_s = None
        if state == "answering":
            return "unanswered" if waited_s > limits.answer_s else None
        if state == "arriving":
            return "slow" if waited_s > limits.arrival_s + body_bytes / limits.body_bytes_per_s_min else None
        if state == "idle" and answered:
            return IDLE if waited_s > limits.keep_alive_s else None
        return "silent" if state == "idle" and waited_s > limits.arrival_s else None

    def closing_too_long(self, now_s: float) -> bool:
        """Whether a connection that was closed is still there, since it does not take its last words."""
        self._closing_s = now_s if self._closing_s is None else self._closing_s
        return now_s - self._closing_s > CLOSING_S
