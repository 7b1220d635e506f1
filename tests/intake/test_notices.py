"""What a stranger can cause is counted each time, and said once in a while."""

from __future__ import annotations

import pytest

from receiver.intake.metrics import IntakeMetrics
from receiver.intake.notices import HTTP_ERRORS, REFUSED, WARN_EVERY_S, BoundedNotices, Unnoticed
from receiver.sandbox.fakes import FakeClock
from tests.support import Lines


@pytest.mark.parametrize("why", HTTP_ERRORS)
def test_each_reason_has_a_number_and_one_line(why: str) -> None:
    """However often it comes; the next line says how many were left out."""
    metrics, clock, log = IntakeMetrics(), FakeClock(us=0), Lines()
    notices = BoundedNotices(metrics, clock, log)
    for _ in range(1000):
        notices.http_error(why)
    assert log.lines == [("warning", "http.refused", {"why": why, "detail": HTTP_ERRORS[why]})]
    clock.advance(WARN_EVERY_S)
    notices.http_error(why)
    assert log.named("http.refused")[1]["suppressed"] == 999
    assert metrics.registry.get_sample_value("receiver_http_errors_total", {"why": why}) == 1001


@pytest.mark.parametrize("why", REFUSED)
def test_each_limit_on_connections_has_one_too(why: str) -> None:
    """And one reason does not hide another."""
    metrics, log = IntakeMetrics(), Lines()
    notices = BoundedNotices(metrics, FakeClock(us=0), log)
    notices.http_error("malformed")
    for _ in range(3):
        notices.connection_refused(why)
    assert log.named("connection.refused") == [{"why": why, "detail": REFUSED[why]}]
    assert metrics.registry.get_sample_value("receiver_connections_refused_total", {"why": why}) == 3


def test_a_listener_that_no_stranger_reaches_says_nothing() -> None:
    """Neither counts nor lines."""
    Unnoticed().http_error("tls")
    Unnoticed().connection_refused("slow")
