"""The section ``journal``: what fits which engine."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from receiver.service.config.journal_settings import JournalSettings

URL = "postgresql://u@db/receiver"


def test_each_engine_has_keys_of_its_own() -> None:
    """A key that would do nothing is refused, with its name; what is not set has its default on both."""
    assert JournalSettings(url=URL, lease_s=9, queue_max=5).lease_s == 9
    assert JournalSettings(url="sqlite:x", disk_free_bytes_min=5).disk_free_bytes_min == 5
    wrong: list[dict[str, Any]] = [
        {"url": URL, "disk_free_bytes_min": 5},
        {"url": URL, "wal_bytes_max": 2**20},
        {"url": "sqlite:x", "lease_s": 9},
        {"password": "env:PG"},
    ]
    for document in wrong:
        name = next(key for key in document if key != "url")
        with pytest.raises(ValidationError, match=f"{name}: of no use"):
            JournalSettings(**document)


def test_a_folder_is_a_path_that_there_can_be() -> None:
    """A zero comes as an escape in the file."""
    with pytest.raises(ValidationError, match="url holds a zero, which no path can"):
        JournalSettings(url="sqlite:a\0b")
    assert JournalSettings(url="sqlite:/srv/журнал").url == "sqlite:/srv/журнал"


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@db/x", "mysql://u@db/x", "postgresql://u@db", "sqlite:"])
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    """A password in it above all."""
    with pytest.raises(ValidationError):
        JournalSettings(url=url)
