"""``receiver docs``: the documents, from a checkout and from an installation."""

from __future__ import annotations

from pathlib import Path

from receiver.cli.docs import documents
from tests.cli.desk import Desk

ROOT = Path(__file__).parents[2]


def test_documents_are_listed_and_printed(desk: Desk) -> None:
    """Those of the checkout, here."""
    assert {"README.md", "CHANGELOG.md", "RUNBOOK.md"} <= set(desk.run("docs")[0].splitlines())
    assert desk.run("docs", "RUNBOOK.md")[0] == (ROOT / "deploy/RUNBOOK.md").read_text("utf-8")
    assert "there is no nowhere; `receiver docs` lists them" in desk.fails("docs", "nowhere")


def test_an_installation_has_its_own(tmp_path: Path) -> None:
    """And looks at nothing else."""
    built_in = tmp_path / "receiver/docs/consume"
    built_in.mkdir(parents=True)
    (built_in / "README.md").touch()
    (tmp_path / "README.md").touch()
    assert list(documents(tmp_path / "receiver")) == ["consume/README.md"]


def test_nothing_is_there(tmp_path: Path) -> None:
    """An empty list."""
    assert documents(tmp_path / "receiver") == {}
