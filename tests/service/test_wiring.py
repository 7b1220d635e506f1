"""The context of a command, from the configuration: settings reach it, and nothing is opened before it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from receiver.journal.engines import hold_journal
from receiver.model.errors import ConfigurationError, JournalError
from receiver.sandbox.fakes import MemoryJournal
from receiver.service.config.settings import Settings, build
from receiver.service.wiring import make_context, open_context
from tests.support import Lines

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}


def settings(folder: Path, **tables: Any) -> Settings:
    """With a journal that is not there yet."""
    return build({"journal": {"url": f"sqlite:{folder}/journal"}, "sources": [SOURCE], **tables}, "here")


def test_settings_reach_the_context(tmp_path: Path) -> None:
    """Both that decide what an interpreter makes of a callback."""
    usual = open_context(settings(tmp_path), {})
    other = open_context(settings(tmp_path, quarantine={"publish_body": not usual.publish_body}), {})
    assert (usual.record_bytes_max, other.publish_body) == (settings(tmp_path).record_bytes_max, not usual.publish_body)


def test_secrets_and_journal_are_looked_for_when_they_are_needed(tmp_path: Path) -> None:
    """A journal that is made meanwhile is found."""
    context = open_context(settings(tmp_path), {})
    with pytest.raises(ConfigurationError, match="the environment has no"):
        _ = context.sources
    with pytest.raises(JournalError):
        _ = context.journal
    with hold_journal(f"sqlite:{tmp_path}/journal") as (made, _):
        journal_id = made.journal_id
    assert context.journal.journal_id == journal_id
    assert context.kafka is None
    assert list(open_context(settings(tmp_path), {"P": "p", "S": "s"}).sources) == ["swaps"]


def test_whoever_holds_a_journal_gives_it(tmp_path: Path) -> None:
    """Runs of replay lie beside where the journal would."""
    journal = MemoryJournal()
    context = make_context(settings(tmp_path), {}, lambda: journal, Lines())
    assert context.journal is journal
    context.runs.save("r", {"low": 3})
    assert open_context(settings(tmp_path), {}).runs.load("r") == {"low": 3}
