"""The configuration reaches a child by an inherited file that has no name and needs no folder."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from receiver.journal.engines import hold_journal
from receiver.model.errors import ReceiverError
from receiver.service.config.settings import Settings, build
from receiver.service.passed_on import passed_on, read_passed_on

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


def configured(folder: Path) -> Settings:
    """A configuration that is not all defaults."""
    return build({"journal": {"url": f"sqlite:{folder}"}, "server": {"keep_alive_s": 620}, "sources": [SOURCE]}, "here")


@pytest.mark.parametrize("memory", [True, False])
def test_what_is_read_is_what_was_written(*, memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as a child is started again."""
    if not memory:
        monkeypatch.delattr(os, "memfd_create")
    settings = configured(tmp_path / "journal")
    with hold_journal(settings.journal.url) as (journal, _), passed_on(settings, journal) as descriptor:
        for _ in range(2):
            read, held = read_passed_on(descriptor, {})
            assert (read, held.journal_id) == (settings, journal.journal_id)


def test_no_temporary_folder_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept in memory, where the system can; where it cannot, and there is none, a sentence says so."""

    def nowhere(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    settings = configured(tmp_path / "journal")
    with hold_journal(settings.journal.url) as (journal, _):
        with passed_on(settings, journal) as descriptor:
            assert read_passed_on(descriptor, {})[0] == settings
        monkeypatch.delattr(os, "memfd_create")
        with pytest.raises(ReceiverError, match="No usable temporary directory"), passed_on(settings, journal):
            pass


def test_too_many_open_files_are_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a temporary folder that cannot be used, since no file at all can be opened."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", full, raising=False)
    settings = configured(tmp_path / "journal")
    with (
        hold_journal(settings.journal.url) as (journal, _),
        pytest.raises(ReceiverError, match="to the processes: Too many open files"),
        passed_on(settings, journal),
    ):
        pass
