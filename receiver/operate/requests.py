"""Asking the interpreter for work: a request in the journal, and whether a running service carried it out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.callback import EntryId
from receiver.service.config.settings import Settings
from receiver.service.journal import open_outbox
from receiver.service.system_clock import SystemClock

REQUEST_MAX = 500
"""Callbacks in one request: one outbox transaction."""
WAIT_S = 15.0
"""For a running service to carry a request out."""


def request(settings: Settings, request_type: str, ids: Sequence[EntryId], **more: Any) -> tuple[int, bool]:
    """Ask the interpreter; gives the last request's number, and whether a running service has carried it out."""
    store = SqliteRequests.open(settings.journal.folder)
    last = 0
    try:
        for at in range(0, len(ids), REQUEST_MAX):
            payload = {"callbacks": [one.to_json() for one in ids[at : at + REQUEST_MAX]], **more}
            last = store.add(request_type, SystemClock().now_us(), payload)
    finally:
        store.close()
    outbox = open_outbox(settings)
    try:
        deadline = time.monotonic() + WAIT_S
        while outbox.progress("requests").number < last and time.monotonic() < deadline:
            time.sleep(0.1)
        return last, outbox.progress("requests").number >= last
    finally:
        outbox.close()
