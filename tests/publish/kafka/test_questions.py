"""Questions that the client library has no message for: what goes over the wire; ``test_survey`` asks real brokers."""

from __future__ import annotations

from receiver.publish.kafka import questions
from receiver.publish.kafka.questions import error_name


def test_topics_are_described_without_making_them() -> None:
    """The byte after the names is what says so, and the next two ask for what access control allows."""
    asked = questions._Metadata(["a"]).prepare({3: (0, 12)})
    assert (asked.API_KEY, asked.API_VERSION) == (3, 8)
    assert asked.encode() == b"\x00\x00\x00\x01\x00\x01a" + b"\x00\x01\x01"


def test_the_quorum_is_asked_for_its_times() -> None:
    """In the first version that has them."""
    asked = questions._Quorum().prepare({55: (0, 2)})
    assert (asked.API_KEY, asked.API_VERSION, asked.FLEXIBLE_VERSION) == (55, 1, True)
    assert asked.encode() == b"\x02\x13__cluster_metadata\x02\x00\x00\x00\x00\x00\x00\x00"


def test_all_quotas_are_asked_for() -> None:
    """Which of them are ours is ours to tell."""
    assert questions._Quotas().prepare({48: (0, 1)}).encode() == b"\x00\x00\x00\x00\x00"


def test_errors_have_the_names_of_the_protocol() -> None:
    """Empty for none."""
    assert error_name(0) == ""
    assert error_name(3) == "UNKNOWN_TOPIC_OR_PARTITION"
    assert error_name(29) == "TOPIC_AUTHORIZATION_FAILED"
    assert error_name(53) == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    assert error_name(9999)
