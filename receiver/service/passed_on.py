"""The configuration, handed to child processes: a restarted child reads what its supervisor read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from receiver.journal.engines import held_journal
from receiver.journal.handle import Journal
from receiver.service.config.settings import Settings


@contextmanager
def passed_on(settings: Settings, journal: Journal) -> Iterator[int]:
    """Write the configuration to a nameless file for children to inherit: a restarted child reads what we read."""
    with tempfile.TemporaryFile() as file:
        document = settings.model_dump(mode="json", exclude_unset=True)
        file.write(orjson.dumps({"settings": document, "journal": journal.journal_id}))
        file.flush()
        yield file.fileno()


def read_passed_on(descriptor: int) -> tuple[Settings, Journal]:
    """Read what ``passed_on`` wrote."""
    size = os.fstat(descriptor).st_size
    document = orjson.loads(os.pread(descriptor, size, 0))
    settings = Settings(**document["settings"])
    return settings, held_journal(settings.journal.url, document["journal"])
