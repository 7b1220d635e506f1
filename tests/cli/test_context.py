"""What a command works with: from the configuration that the person names."""

from __future__ import annotations

import pytest

from receiver.cli.context import hold_configured, load_context, make_journal, open_configured
from receiver.model.errors import JournalBusy, JournalError
from tests.cli.desk import Desk


def test_a_context_opens_nothing_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither journal nor secrets: who sends a file needs no journal, who looks into one no secret."""
    monkeypatch.delenv("OXPAY_PRIVATE_KEY")
    context = load_context(desk.config)
    with pytest.raises(JournalError, match="there is no journal"):
        _ = context.journal
    make_journal(open_configured(desk.config))
    assert context.journal.check() == []


def test_a_journal_is_made_once(desk: Desk) -> None:
    """The second time it is left as it is, also where a service holds it."""
    opened = open_configured(desk.config)
    make_journal(opened)
    first = load_context(desk.config).journal.journal_id
    with hold_configured(opened) as held:
        assert held.journal.journal_id == first
        make_journal(opened)
        with pytest.raises(JournalBusy), hold_configured(opened):
            pass
    assert load_context(desk.config).journal.journal_id == first
