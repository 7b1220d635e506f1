"""The configured journal, opened whole or in part; what is wrong with it is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.engines import hold_journal
from receiver.model.errors import JournalError
from receiver.service.config.settings import Settings, build
from receiver.service.journals import open_held, open_journal

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


def settings(folder: Path) -> Settings:
    """A configuration whose journal lies in a folder."""
    return build({"journal": {"url": f"sqlite:{folder}"}, "sources": [SOURCE]}, "here")


def test_the_journal_that_is_there_is_opened(tmp_path: Path) -> None:
    """Also by a child, which is told its id; one that is not there is not made."""
    configured = settings(tmp_path / "journal")
    with pytest.raises(JournalError):
        open_journal(configured, {})
    with hold_journal(configured.journal.url) as (made, _):
        assert open_journal(configured, {}).journal_id == made.journal_id
        assert open_held(configured, {}, made.journal_id).journal_id == made.journal_id
