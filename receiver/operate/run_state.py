"""How far a run of replay came, in a small file, so that it can go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from receiver.model.errors import ReceiverError


def save_run(folder: Path, run_id: str, document: Mapping[str, Any]) -> Path:
    """Keep a run's state, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{run_id}.json"
    new = path.with_suffix(".new")
    new.write_bytes(orjson.dumps(document))
    new.replace(path)
    return path


def load_run(folder: Path, run_id: str) -> dict[str, Any]:
    """Read a run's state; raises ``ReceiverError``."""
    try:
        return dict(orjson.loads((folder / f"{run_id}.json").read_bytes()))
    except (OSError, ValueError):
        raise ReceiverError(f"there is no run {run_id} in {folder}") from None
