"""What the journals of older builds beside this file hold: made by ``make_journal``, and gone on with by the tests."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from tests.chaos.traffic import ORGANISATION, Callback, Operation, operations

FOLDER = Path(__file__).parent
SEED = 1
OPERATIONS = 24
FORMATS = (1, 2, 3, 4, 5)
"""Of the outbox; of each there is one journal."""
UNREAD = {"id": "unread", "organizationId": ORGANISATION, "status": "TELEPORTED"}
"""An auto-swap of which no release knows the status: it stands in quarantine."""


def packed(version: int) -> Path:
    """The journal whose outbox has this format."""
    return FOLDER / f"format-{version}.tar.xz"


def all_operations() -> list[Operation]:
    """The operations that were under way, the same each time."""
    return list(itertools.islice(operations(random.Random(SEED)), OPERATIONS))


def told() -> list[Callback]:
    """What the older build was sent, in order: of every second operation only the beginning; one thing twice."""
    begun = [one.callbacks if number % 2 else one.callbacks[:1] for number, one in enumerate(all_operations())]
    sent = list(itertools.chain(*begun))
    return [*sent, sent[0]]


def still_to_come() -> list[Callback]:
    """What their providers had not said by then, in order."""
    rest = (one.callbacks[1:] for number, one in enumerate(all_operations()) if not number % 2)
    return list(itertools.chain(*rest))
