"""The configured journal, opened whole or in part; what is wrong with it is said in one sentence."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from receiver.journal.engines import find_journal
from receiver.journal.slots import HeldSlot
from receiver.model.errors import JournalError
from receiver.service.config.settings import Settings, build
from receiver.service.journals import open_held, open_journal
from tests.postgres_cluster import new_journal

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


def settings(**journal: object) -> Settings:
    """A configuration of a journal."""
    return build({"journal": journal, "sources": [SOURCE]}, "here")


def test_the_journal_that_is_there_is_opened() -> None:
    """Whole for a supervisor, and one slot of it for a child, which is told its id."""
    with new_journal() as (url, options):
        configured = settings(url=url, database_schema=options.schema)
        journal = open_journal(configured, {})
        assert journal.held is None
        assert journal.journal_id == find_journal(url, options=options).journal_id
        held = HeldSlot(0, 3)
        assert open_held(configured, {}, journal.journal_id, held).held == held
        with closing(open_held(configured, {}, journal.journal_id).slots()) as slots:
            assert [state.slot for state in slots.states()] == [0]


def test_a_journal_that_nobody_made_is_not_made_by_a_service() -> None:
    """Neither is one in a folder shared."""
    with new_journal() as (url, _), pytest.raises(JournalError, match="there is no journal in the schema"):
        open_journal(settings(url=url, database_schema="nobody_made_it"), {})


def test_a_folder_is_not_shared(tmp_path: Path) -> None:
    """It is one service's, and that is said."""
    with pytest.raises(JournalError, match="only one service can have it"):
        open_journal(settings(url=f"sqlite:{tmp_path}/journal"), {})
