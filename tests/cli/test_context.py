"""What a command works with: from the configuration that the person names."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.cli.context import hold_configured, load_context, make_journal, open_configured
from receiver.cli.exit_codes import WRONG_USE
from receiver.cli.main import run
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


def test_without_a_configuration_it_says_whose_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr; what decides for itself what becomes of a journal is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECEIVER_CONFIG", raising=False)
    load_context(None)
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "no receiver.toml here and none named: the built-in configuration of `receiver dev` is taken" in said.err
    (tmp_path / "callbacks").write_text("")
    for command in (["import", "callbacks"], ["journal", "rejoin", "--yes"]):
        assert run(command) == WRONG_USE
        assert "name the service's own with --config or RECEIVER_CONFIG" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["callbacks"]
