"""What providers' samples are made with: bodies from a seed."""

from __future__ import annotations

import json
import random
import re
import uuid

from receiver.providers.contract import UNKNOWN_STATUS, Chance, Make, Scenario, Source, with_unknown_status
from receiver.providers.samples import bodies, digits, fresh_id

SOURCE = Source("s", "p", None)


def begin(source: Source, chance: Chance, now_s: int) -> Make:
    """Say all that it was told, and something by chance for each body."""
    told = {"source": source.name, "now_s": now_s, "id": fresh_id(chance)}
    return lambda step: told | {"status": step, "nonce": chance.getrandbits(64)}


def made(seed: int) -> list[bytes]:
    """The bodies of one operation whose second status is sent twice."""
    return list(bodies(Scenario("twice", begin, ("A", "é", "é")), SOURCE, random.Random(seed), 5))


def test_equal_steps_are_equal_bytes() -> None:
    """A redelivery is the same body, whatever chance would say by then; other letters stay as they are."""
    first, second, again = made(1)
    assert second == again != first
    assert json.loads(first) == json.loads(second) | {"status": "A", "nonce": json.loads(first)["nonce"]}
    assert "é".encode() in second


def test_a_seed_gives_the_same_again() -> None:
    """And another seed another operation."""
    assert made(1) == made(1)
    assert json.loads(made(1)[0])["id"] != json.loads(made(2)[0])["id"]


def test_ids_and_amounts_have_their_shape() -> None:
    """A UUID, and a decimal number above 1 with all its places."""
    chance = random.Random(3)
    assert uuid.UUID(fresh_id(chance)).version == 4
    amounts = [digits(chance, 3, 4) for _ in range(50)]
    assert all(re.fullmatch(r"[12]\.\d{4}", amount) for amount in amounts)
    assert len(set(amounts)) > 40


def test_a_status_that_nobody_knows_takes_the_place_of_the_one_that_was_there() -> None:
    """The rest is as it was."""
    assert json.loads(with_unknown_status(b'{"id": "a", "status": "Done"}')) == {"id": "a", "status": UNKNOWN_STATUS}
