"""What an installation without a checkout beside it has to bring: the commit it was made from, and the documents."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DOCUMENTS = {
    "README.md": "README.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "deploy/RUNBOOK.md": "RUNBOOK.md",
    "docs": "",
}
"""In the checkout → in ``receiver/docs`` of the installed package."""
RECORD = "COMMIT"
"""The file of a source distribution that names the commit; a wheel has it as ``receiver/commit.txt``."""


class Hook(BuildHookInterface[Any]):
    """Records the commit, in a wheel and in a source distribution, and brings the documents into a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them; not to an editable install, which has its checkout."""
        if version == "editable":
            return
        root, included = Path(self.root), build_data["force_include"]
        wheel = self.target_name == "wheel"
        commit = _commit(root)
        if commit:
            self._folder = tempfile.TemporaryDirectory()
            file = Path(self._folder.name, RECORD)
            file.write_text(f"{commit}\n", "utf-8")
            included[str(file)] = "receiver/commit.txt" if wheel else RECORD
        if wheel:
            included |= {str(root / place): f"receiver/docs/{name}".rstrip("/") for place, name in DOCUMENTS.items()}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only made for the archive."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _commit(root: Path) -> str:
    # A container build, which has no .git, passes it on; a source distribution has it in a file.
    given = os.environ.get("RECEIVER_COMMIT", "")
    if not given and (root / RECORD).exists():
        given = (root / RECORD).read_text("utf-8").strip()
    if given or not (root / ".git").exists():
        return given
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
