"""What APIs share: status codes, exact bodies, and how often an open operation is asked for."""

from __future__ import annotations

import pytest

from receiver.model.errors import ApiFailed
from receiver.model.operation import Kind, Step
from receiver.providers.answers import by_status, document, resource, usual_interval_s
from receiver.providers.calls import Answer

KIND = Kind("exchange", "exchange", {"Done": Step("completed", 1, terminal=True), "New": Step("pending", 0)})


@pytest.mark.parametrize(
    ("age_s", "every_s"),
    [(0, 60), (3599, 60), (3600, 600), (48 * 3600 - 1, 600), (48 * 3600, 3600), (1e9, 3600)],
)
def test_the_usual_pace(age_s: float, every_s: float) -> None:
    """A minute in the first hour, ten up to two days, then hourly."""
    assert usual_interval_s(age_s) == every_s


@pytest.mark.parametrize(
    ("status", "failure", "retry_after_s"),
    [
        (429, "limited", 7.0), (401, "refused", None), (403, "refused", None), (500, "down", 7.0), (503, "down", 7.0),
        (404, "nonsense", None), (200, "nonsense", None),
    ],
)  # fmt: skip
def test_what_a_status_means_by_itself(status: int, failure: str, retry_after_s: float | None) -> None:
    """How long to wait goes with those that a wait can help."""
    failed = by_status(Answer(status, b"", 7.0), "why")
    assert (failed.failure, failed.retry_after_s) == (failure, retry_after_s)
    assert failed.why == f"why (HTTP {status})"


def test_a_body_that_is_no_json_is_told_by_its_status() -> None:
    """And never quoted."""
    with pytest.raises(ApiFailed, match="down: the body is no JSON") as failed:
        document(Answer(502, b"<html>hunter2</html>"))
    assert "hunter2" not in str(failed.value)


def test_a_resource_keeps_every_digit_and_has_a_digest_of_its_meaning() -> None:
    """Equal for another layout; terminal only by a word of the table."""
    one = resource("7", document(Answer(200, b'{"a": 1.50, "b": 2}')), "Done", KIND)
    other = resource("7", document(Answer(200, b'{"b":2,"a":1.50}')), "New", KIND)
    assert one.text == b'{"a":1.50,"b":2}'
    assert one.digest == other.digest != resource("7", document(Answer(200, b'{"a":1.5,"b":2}')), "New", KIND).digest
    assert (one.terminal, other.terminal) == (True, False)
    assert [resource("7", {}, word, KIND).terminal for word in ("Unheard", None, 5, ["Done"])] == [False] * 4
