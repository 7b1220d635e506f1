"""``receiver console``: a journal in a browser, alone and read-only."""

from __future__ import annotations

import os
import signal
import threading
import urllib.request
from pathlib import Path

import pytest

from receiver.cli import console
from receiver.service.config import console as packages
from tests.cli.desk import Desk
from tests.operate.desk import exchange
from tests.ports import free_port


def test_without_its_packages_it_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, as a wrong configuration."""
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    assert "pip install 'exchange-webhook-receiver[console]'" in desk.fails("console", code=2)


def test_without_a_journal_it_says_so(desk: Desk) -> None:
    """Before anything listens."""
    assert "journal" in desk.fails("console")


def test_a_journal_of_another_folder_is_shown_and_nothing_of_it_changes(desk: Desk, tmp_path: Path) -> None:
    """It listens until Ctrl-C; the write token of the service means nothing there."""
    desk.take("0xpay-main", [exchange("in-the-backup")])
    (tmp_path / "journal").rename(tmp_path / "backup")
    port = free_port()
    pages: list[str] = []

    def look() -> None:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/search?q=in-the-backup", timeout=5) as answer:
                    pages.append(answer.read().decode())
                    break
            except OSError:
                continue
        os.kill(os.getpid(), signal.SIGINT)

    looking = threading.Thread(target=look)
    looking.start()
    _, said = desk.run("console", "--journal", str(tmp_path / "backup"), "--port", str(port))
    looking.join()
    assert f"http://127.0.0.1:{port}/" in said
    assert "read-only" in said
    assert "in-the-backup" in pages[0]
    assert not list((tmp_path / "backup").glob("search*")), "an index was made"


def test_the_rules_are_read_only_whatever_is_configured(desk: Desk) -> None:
    """Only the journal and the port are other ones than the configuration's."""
    from receiver.service.config.settings import load  # noqa: PLC0415

    settings = load(desk.config)
    changed = console._on(settings, Path("/backup/journal"), 9999)
    assert (changed.journal.url, changed.console.port) == ("sqlite:/backup/journal", 9999)
    assert changed.sources == settings.sources
    assert console._on(settings, None, None) == settings
