"""What providers' samples are made with: the bodies of a scenario, fresh ids and amounts, a status nobody knows.

For ``receiver simulate``, ``receiver dev`` and other people's tests. Each provider has its own beside its module, from
its documented sequences and field tables; ids, addresses, amounts and secrets are made up.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

from receiver.providers.contract import Chance, Scenario, Source


def bodies(scenario: Scenario, source: Source, chance: Chance, now_s: int) -> Iterator[bytes]:
    """The bodies of one fresh operation; equal steps give equal bytes, as a redelivery would."""
    make = scenario.begin(source, chance, now_s)
    made: dict[str, bytes] = {}
    for step in scenario.steps:
        if step not in made:
            made[step] = json.dumps(make(step), ensure_ascii=False, separators=(",", ":")).encode()
        yield made[step]


def fresh_id(chance: Chance) -> str:
    """A UUID."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def digits(chance: Chance, whole_max: int, places: int) -> str:
    """An amount above 1 and below ``whole_max``, with so many decimal places."""
    return f"{chance.randrange(1, whole_max)}.{chance.randrange(10**places):0{places}d}"
