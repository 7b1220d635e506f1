"""The site of the documents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, ROOT


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """By the generator that ``make install-docs`` brings, in strict mode: every page of it."""
    zensical = Path(sys.executable).parent / "zensical"
    if not zensical.exists():
        pytest.skip("zensical is not installed here; `make install-docs` installs it")
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    done = subprocess.run([zensical, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS).with_suffix("")
        folder = page.parent if page.name in {"README", "index"} else page
        assert (tmp_path / "dist/site" / folder / "index.html").exists(), page
