"""Why Kafka does not take a record, in a sentence for people."""

from __future__ import annotations

import pytest

from receiver.publish.kafka.answers import Refusal
from receiver.publish.kafka.explain import refusal_sentence
from receiver.publish.kafka.limits import Limits

NOW_MS = 1_716_800_130_000
HOUR_MS = 3_600_000
NEVER_MS = 2**63 - 1


def refused(off_ms: int, before_ms: int, after_ms: int) -> Refusal:
    """In Kafka's own words: a timestamp so far ahead of the broker's clock."""
    text = (
        f"Timestamp {NOW_MS + off_ms} of message with offset 0 is out of range. The timestamp should be within "
        f"[{NOW_MS - before_ms}, {NOW_MS + after_ms}]"
    )
    return Refusal(32, text, NOW_MS + off_ms)


@pytest.mark.parametrize(
    ("refusal", "limits", "clock_off_ms", "says"),
    [
        (
            refused(7_200_000, NEVER_MS, HOUR_MS), Limits(None, None, HOUR_MS), None,
            (
                "off by 7200.0 s (ahead of the broker's); topic a refused the timestamp 2024-05-27T10:55:30.000Z, "
                "its limits are 3600 s ahead"
            ),
        ),
        (
            refused(-30_000, 10_000, HOUR_MS), Limits(None, 10_000, HOUR_MS), None,
            (
                "off by 30.0 s (behind the broker's); topic a refused the timestamp 2024-05-27T08:55:00.000Z, "
                "its limits are 10 s behind and 3600 s ahead"
            ),
        ),
        (
            refused(-30_000, 10_000, NEVER_MS), Limits(None, 10_000, None), None,
            (
                "off by 30.0 s (behind the broker's); topic a refused the timestamp 2024-05-27T08:55:00.000Z, "
                "its limits are 10 s behind"
            ),
        ),
        (
            refused(7_200_000, NEVER_MS, HOUR_MS), Limits(), 7_200_123,
            "off by 7200.1 s (ahead of the broker's); topic a refused the timestamp 2024-05-27T10:55:30.000Z",
        ),
        (
            refused(7_200_000, NEVER_MS, HOUR_MS), Limits(), None,
            (
                "off by at least 3600.0 s (ahead of what the broker takes); topic a refused the timestamp "
                "2024-05-27T10:55:30.000Z"
            ),
        ),
        (
            refused(-30_000, 10_000, HOUR_MS), Limits(), None,
            (
                "off by at least 20.0 s (behind what the broker takes); topic a refused the timestamp "
                "2024-05-27T08:55:00.000Z"
            ),
        ),
        (
            Refusal(32, "", NOW_MS), Limits(None, None, 1000), 5000,
            (
                "off by 5.0 s (ahead of the broker's); topic a refused the timestamp 2024-05-27T08:55:30.000Z or one "
                "shortly before it, its limits are 1 s ahead"
            ),
        ),
        (
            Refusal(32, "words of another broker", NOW_MS), Limits(), None,
            "off; topic a refused the timestamp 2024-05-27T08:55:30.000Z or one shortly before it",
        ),
    ],
)  # fmt: skip
def test_a_refused_timestamp_says_by_how_much_this_clock_is_off(
    refusal: Refusal, limits: Limits, clock_off_ms: int | None, says: str
) -> None:
    """From the best that is known: the broker's range and limits, another look at its clock, the range alone."""
    assert refusal_sentence("a", refusal, limits, clock_off_ms) == (
        f"Kafka refuses our timestamps: this clock is {says}"
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (2, "topic a says that our records arrive damaged"),
        (19, "topic a has fewer replicas in sync than its min.insync.replicas"),
        (29, "topic a may not be written by this client: it needs the ACL Write there"),
        (44, "topic a refuses our records by a policy of its own"),
        (87, "topic a refuses our records as invalid by a rule of its own"),
        (31, "topic a does not take our records (ClusterAuthorizationFailedError)"),
        (12345, "topic a does not take our records (UnknownError)"),
    ],
)
def test_any_other_refusal_names_topic_and_reason_and_quotes_no_record(code: int, says: str) -> None:
    """A rule for what is in records could quote a card number in its words."""
    assert refusal_sentence("a", Refusal(code, "4111 1111 1111 1111 is not allowed", NOW_MS)) == says
