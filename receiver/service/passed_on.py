"""The configuration, handed to child processes: a restarted child reads what its supervisor read."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import orjson

from receiver.journal.handle import Journal
from receiver.journal.slots import HeldSlot
from receiver.model.errors import ReceiverError
from receiver.service.config.settings import Settings
from receiver.service.journals import open_held

NO_PLACE = "no place to hand the configuration to the processes"


@contextmanager
def passed_on(settings: Settings, journal: Journal) -> Iterator[int]:
    """Write the configuration to a nameless file for children to inherit: a restarted child reads what we read.

    Raises ``ReceiverError`` where there is neither memory for it nor a temporary folder.
    """
    document = settings.model_dump(mode="json", exclude_unset=True)
    descriptor = _nameless_file()
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(orjson.dumps({"settings": document, "journal": journal.journal_id}))
        yield descriptor
    finally:
        os.close(descriptor)


def _nameless_file() -> int:
    # In memory where the system can (Linux), so that no folder need be writable: a container's root often is not.
    try:
        with suppress(AttributeError):
            return os.memfd_create("receiver-configuration")
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:  # no folder would help, and the search for one says that
            raise ReceiverError(f"{NO_PLACE}: {error.strerror}") from None
    try:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise ReceiverError(f"{NO_PLACE}: {error.strerror}") from None


def read_passed_on(
    descriptor: int, environ: Mapping[str, str], slot: HeldSlot | None = None
) -> tuple[Settings, Journal]:
    """Read what ``passed_on`` wrote; the journal's keys are looked up again. Raises ``ConfigurationError``.

    The journal is that part of it which is in ``slot``, or all of it without one.
    """
    size = os.fstat(descriptor).st_size
    document = orjson.loads(os.pread(descriptor, size, 0))
    settings = Settings(**document["settings"])
    return settings, open_held(settings, environ, document["journal"], slot)
