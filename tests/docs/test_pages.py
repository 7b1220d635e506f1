"""What the documents say of the code is what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import log_events
import pytest
from pages import DOCS, MARKED, PARTS, ROOT, documents, written

from receiver.cli.reference import source_keys
from receiver.model.errors import Refusal
from receiver.providers.registry import built_in
from receiver.service.admin import make_admin

README_LINES_MAX = 140

pytestmark = pytest.mark.xdist_group("docs_pages")
"""One worker has all of them, which looks through the code for lines of the log once."""


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_says_what_the_code_says(path: Path) -> None:
    """``make docs`` writes it anew."""
    text = path.read_text("utf-8")
    assert written(text) == text, "run `make docs`"


def test_every_part_has_its_place() -> None:
    """And no document asks for one that nobody makes."""
    there = [found[1] for path in documents() for found in MARKED.finditer(path.read_text("utf-8"))]
    assert set(there) == set(PARTS)
    asked = [name for path in documents() for name in re.findall(r"<!-- ([\w:-]+) -->", path.read_text("utf-8"))]
    assert sorted(asked) == sorted(there)


def test_every_provider_has_a_page_with_its_keys() -> None:
    """Under its name."""
    for provider in built_in():
        text = (DOCS / "providers" / f"{provider.slug}.md").read_text("utf-8")
        assert f"<!-- provider:{provider.slug} -->" in text
        keys = source_keys(provider)
        assert keys
        assert all(f"`{key}`" in text for key, _, _ in keys)


def test_every_line_of_the_log_has_its_meaning() -> None:
    """And every meaning a line; where the code writes it in place, at the level that is said."""
    found = log_events.found()
    assert set(found) == set(log_events.EVENTS)
    assert {name: one.level for name, one in found.items() if one.level is not None} == {
        name: log_events.EVENTS[name].level for name, one in found.items() if one.level is not None
    }


def test_every_refusal_is_in_the_page_on_http() -> None:
    """With its code and its word, and the admin listener's paths."""
    text = (DOCS / "reference/http.md").read_text("utf-8")
    assert len(Refusal.__subclasses__()) >= 6
    for refusal in Refusal.__subclasses__():
        assert f"{refusal.status} `{refusal.code}`" in text
    admin = make_admin(dict, bytes)
    for route in admin.routes:  # type: ignore[attr-defined]
        assert f"| `{route.path}` |" in text


def test_the_readme_is_short() -> None:
    """What is longer is a page."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES_MAX


def test_the_site_lists_every_page() -> None:
    """Once each."""
    nav = re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text("utf-8"))
    assert sorted(nav) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["docs_dir"] == DOCS.name
