"""Every link of every document leads somewhere, and so does every command, page and path that a document names."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pages import DOCS, ROOT, anchor

from receiver.cli.docs import documents as printable

LEFT_OUT = {".venv", "node_modules", "dist", "build", "var"}


def documents() -> list[Path]:
    """Every Markdown file of the checkout, and none of what was installed or built in it."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in LEFT_OUT and (not name.startswith(".") or name == ".ci")]
        found += [Path(folder, file) for file in files if file.endswith(".md")]
    return sorted(found)


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(path: Path) -> list[str]:
    """Where a document's links lead, those to other sites aside."""
    outside_code = re.sub(r"`[^`\n]*`", "", prose(path))
    found = re.findall(r"\]\(([^)\s]+)\)", outside_code)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """What a link to a document can name behind ``#``."""
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """To a file or folder of the repository, and to a heading in it; pages of the site only to other pages of it."""
    for link in links(path):
        place, _, heading = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert not heading or heading in anchors(target), link
        if path.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS), f"{link}: no page of the site; name it by its path"


def test_make_has_what_documents_tell_people_to_make() -> None:
    """Targets of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set[str]()
    for path in documents():
        told = re.findall(r"(?:^|`)(?:\$ )?make ((?:[a-z-]+ ?)+)", path.read_text("utf-8"), re.MULTILINE)
        for name in " ".join(told).split():
            assert name in targets, f"{path.relative_to(ROOT)}: make {name}"
            named.add(name)
    assert {"run", "test", "install", "kafka"} <= named, "else none of them was read"


def test_receiver_docs_prints_what_people_are_told_to_read() -> None:
    """In documents, and in what commands say."""
    known = printable(ROOT / "receiver")
    assert {"README.md", "RUNBOOK.md", "CHANGELOG.md", "index.md", "operate/kafka.md"} <= set(known)
    for path in [*documents(), *(ROOT / "receiver").rglob("*.py")]:
        for name in re.findall(r"receiver docs ([\w/.-]+\.md)", path.read_text("utf-8")):
            assert name in known, f"{path.relative_to(ROOT)}: {name}"


def test_paths_that_pages_name_are_there() -> None:
    """Of the repository, in code."""
    for path in [*DOCS.rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]:
        for name in re.findall(r"`((?:tests|receiver|deploy|docs|schemas|requirements)/[\w./-]*)`", prose(path)):
            assert name == "docs/providers/" or (ROOT / name).exists(), f"{path.relative_to(ROOT)}: {name}"


def test_the_runbook_leads_to_every_page_for_whoever_runs_it() -> None:
    """It is the index that people know by name."""
    runbook = ROOT / "deploy/RUNBOOK.md"
    led = {(runbook.parent / link.partition("#")[0]).resolve() for link in links(runbook)}
    assert led == {path for path in (DOCS / "operate").glob("*.md") if path.name != "README.md"}
