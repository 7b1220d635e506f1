"""What the document says that each process imports is what it does import, in a service that runs."""

from __future__ import annotations

from pathlib import Path

from tests.whole_service.import_trace import DOCUMENT, trace, written


def test_each_process_imports_what_the_document_says_and_no_more(tmp_path: Path) -> None:
    """Made anew with ``python -m tests.whole_service.import_trace``."""
    traced = trace(tmp_path)
    assert set(traced) == {"supervisor", "intake", "interpret", "publish", "reconcile"}
    text = DOCUMENT.read_text("utf-8")
    assert written(text, traced) == text
