"""Errors are decisions: each has its answer, and says no more than it should."""

from __future__ import annotations

import pytest

from receiver.model import errors
from receiver.model.errors import ConfigurationError, ReceiverError, Refusal, Unauthorized, Unavailable

ALL = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ReceiverError)]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("HeadersTooLarge", 431), ("NotFound", 404), ("MethodNotAllowed", 405), ("Unauthorized", 401),
        ("BodyTooLarge", 413), ("Unavailable", 503),
    ],
)  # fmt: skip
def test_every_refusal_has_its_answer(name: str, status: int) -> None:
    """The contract's status, and its own name as the code."""
    refusal = getattr(errors, name)
    assert refusal.status == status
    assert refusal.code == "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def test_no_refusal_is_missing_above() -> None:
    """A new one gets its line."""
    assert len([one for one in ALL if issubclass(one, Refusal)]) == 1 + 6


def test_a_refusal_without_a_reason_has_its_code_for_one() -> None:
    """Metrics need a word."""
    assert (Unauthorized("stale").why, Unauthorized().why) == ("stale", "unauthorized")
    assert str(Unavailable("disk_full")) == "disk_full"


def test_faults_of_a_configuration_are_all_told() -> None:
    """One a line."""
    assert str(ConfigurationError(["one", "another"])) == "one\nanother"


def test_what_is_busy_is_a_journal_that_cannot_be_used() -> None:
    """Whoever only wants to know that need not tell the two apart."""
    assert issubclass(errors.JournalBusy, errors.JournalError)
    assert not issubclass(errors.StoreFailed, errors.JournalError)
