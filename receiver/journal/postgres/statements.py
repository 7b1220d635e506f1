"""SQL from its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources

_MIGRATION = re.compile(r"([0-9]{4})_[a-z_]+\.sql")


def named_queries(store: str) -> Mapping[str, str]:
    """Read ``sql/<store>_queries.sql``: statements by the ``-- name:`` above each."""
    text = resources.files("receiver.journal.postgres.sql").joinpath(f"{store}_queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: statement.strip() for name, statement in zip(parts[1::2], parts[2::2], strict=True)}


def migrations() -> Iterator[tuple[int, str]]:
    """(format that it leads to, its statements), in order."""
    found = sorted(resources.files("receiver.journal.postgres.sql").iterdir(), key=lambda file: file.name)
    for file in found:
        number = _MIGRATION.fullmatch(file.name)
        if number is not None:
            yield int(number[1]), file.read_text("utf-8")
