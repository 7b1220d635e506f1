"""How far each run of replay came: a small file for each, in a folder beside the journal's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from receiver.journal.ports import RUNS_LISTED_MAX
from receiver.journal.sqlite.marks import write_whole
from receiver.model.errors import ReceiverError


class FileRuns:
    """``ports.Runs``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Keep a run's state, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self._folder / f"{run_id}.json", orjson.dumps(document))

    def load(self, run_id: str) -> dict[str, Any]:
        """Read it; raises ``ReceiverError`` where there is no such run."""
        try:
            document = orjson.loads((self._folder / f"{run_id}.json").read_bytes())
        except (OSError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise ReceiverError(f"there is no run {run_id} in {self._folder}")
        return document

    def listed(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """The newest runs; what cannot be read is none."""
        try:
            files = [(path.stat().st_mtime_ns, path.stem) for path in self._folder.glob("*.json")]
        except OSError:
            return []
        found = []
        for _, run_id in sorted(files, reverse=True)[:RUNS_LISTED_MAX]:
            with suppress(ReceiverError):
                found.append((run_id, self.load(run_id)))
        return found
