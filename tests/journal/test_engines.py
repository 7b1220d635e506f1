"""Which engine keeps a journal, and who holds it: by ``journal.url`` alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from receiver.journal import engines
from receiver.journal.engines import (
    find_journal,
    held_journal,
    hold_journal,
    is_held,
    location,
    open_runs,
    there_is_a_journal,
)
from receiver.model.errors import ConfigurationError, JournalBusy, JournalError
from receiver.service.config.settings import build


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a journal that is not there yet."""
    return f"sqlite:{tmp_path}/var/journal"


def test_a_journal_is_made_where_there_is_none_and_found_again(url: str) -> None:
    """By whoever holds it; who only looks makes none."""
    assert not there_is_a_journal(url)
    assert not is_held(url)
    with pytest.raises(JournalError, match="there is no journal in"):
        find_journal(url)
    assert not Path(location(url)).exists(), "looking changes nothing"
    with hold_journal(url) as (journal, _):
        made = journal.journal_id
        assert there_is_a_journal(url)
        assert find_journal(url).journal_id == made, "also while it is held"
    assert find_journal(url).journal_id == made
    with hold_journal(url) as (journal, _):
        assert journal.journal_id == made


def test_a_journal_is_held_once(url: str) -> None:
    """Two services on one would write over each other; it is free when the first lets go, also by an error."""
    with pytest.raises(ValueError, match="a test"), hold_journal(url):
        with pytest.raises(JournalBusy), hold_journal(url, wait_s=0):
            pass
        assert is_held(url)
        raise ValueError("a test")
    assert not is_held(url)
    with hold_journal(url, wait_s=0):
        pass


def test_whoever_waits_has_it_when_it_is_free(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The children of a service that was just killed need a moment to end."""
    with hold_journal(url) as (_, descriptor):
        assert descriptor is not None
        kept = os.dup(descriptor)  # as a child that inherits it does
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            os.close(kept)

    monkeypatch.setattr(time, "sleep", sleep)
    with hold_journal(url, wait_s=60):
        assert waited == [engines.RETRY_S] * 3


def test_who_waits_longer_than_a_moment_says_so_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who has it at once says nothing."""
    monkeypatch.setattr(engines, "SAY_WAITING_S", -1.0)
    monkeypatch.setattr(engines, "RETRY_S", 0.0)
    said: list[str] = []
    with hold_journal(url, waiting=said.append):
        assert said == []
        with pytest.raises(JournalBusy), hold_journal(url, wait_s=0.01, waiting=said.append):
            pass
    (line,) = said
    assert line.startswith("another receiver holds the journal in ")
    assert line.endswith("; waiting up to 0 s for it to end")


def test_a_child_takes_its_supervisors_word(url: str) -> None:
    """It inherits the lock, and looks at nothing again."""
    assert held_journal(url, "its-id").journal_id == "its-id"
    assert not Path(location(url)).exists()


def test_a_journal_is_named_for_people(url: str, tmp_path: Path) -> None:
    """As its folder, relative where the configuration is."""
    assert location(url) == f"{tmp_path}/var/journal"
    assert location("sqlite:var/journal") == "var/journal"


def test_runs_of_replay_are_kept_beside_the_journal(url: str, tmp_path: Path) -> None:
    """And need none."""
    open_runs(url).save("one", {"after": 1})
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["replay"]
    assert open_runs(url).load("one") == {"after": 1}


@pytest.mark.parametrize("wrong", ["var/journal", "sqlite:", "mysql://db/receiver", "file:var", "SQLITE:var", ""])
def test_a_scheme_that_no_engine_has_is_refused_by_the_configuration(wrong: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match=r"journal\.url"):
        build({"journal": {"url": wrong}, "sources": []}, "receiver.toml")
