"""What rejoin decides, and the states that it rebuilds from events."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest

from receiver.journal.slots import first_record
from receiver.model.errors import JournalError
from receiver.model.records import OutboxRecord, Position
from receiver.operate.rejoin_plan import Runs, fold, placeholder, plan, rebuild
from receiver.publish.ports import Memory
from receiver.publish.routing import route
from tests.support import OXPAY_VECTORS, Way

NOTHING: dict[int, str] = {}
OURS = {1: "a", 2: "b", 3: "c", 4: "d"}


def record(number: int, record_id: str) -> OutboxRecord:
    """A record on Kafka."""
    return OutboxRecord(
        number, "event", record_id, "0xpay", "main", "m", "exchange", "exchange", "o", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=None, traceparent=None, value=b"{}",
    )  # fmt: skip


def found(**ids: str) -> dict[int, OutboxRecord]:
    """Records on Kafka by number, as ``n3="c"``."""
    return {int(name[1:]): record(int(name[1:]), record_id) for name, record_id in ids.items()}


def each(runs: Runs) -> list[int]:
    """Every number of a plan's runs."""
    return [number for run in runs for number in run]


@pytest.mark.parametrize(
    ("position", "remembered", "on_kafka", "keep_to", "take", "publish", "missing", "goes_on"),
    [
        # Kafka is ahead: an older copy was restored.
        (Position(6, "f"), Position(2, "b"),
         found(n1="a", n2="b", n3="c", n4="d", n5="e", n6="f"), 4, [5, 6], [], [], 6),
        # It was, and meanwhile other callbacks got the numbers 3 and 4.
        (Position(5, "z"), Position(2, "b"), found(n2="b", n3="x", n4="y", n5="z"), 2, [3, 4, 5], [], [], 5),
        # Kafka's retention took 3 and 5 away.
        (Position(6, "f"), None, found(n1="a", n2="b", n4="y", n6="f"), 2, [4, 6], [], [3, 5], 6),
        # Nothing is left on Kafka but the memory: what we knew to be confirmed stays.
        (Position(6, "f"), Position(3, "c"), {}, 3, [], [], [4, 5, 6], 6),
        # Kafka lost 3 and 4, which it had confirmed.
        (Position(2, "b"), Position(4, "d"), found(n1="a", n2="b"), 4, [], [3, 4], [], 4),
        # Of them only 3: the other is on another partition.
        (Position(2, "b"), Position(4, "d"), found(n1="a", n2="b", n4="d"), 4, [], [3], [], 4),
        # Only the memory is gone.
        (None, Position(4, "d"), found(n1="a", n2="b", n3="c", n4="d"), 4, [], [], [], 4),
        # The memory is gone, and retention took the records: nothing is repeated.
        (None, Position(3, "c"), {}, 4, [], [], [], 3),
    ],
)  # fmt: skip
def test_the_plan(  # noqa: D103
    position: Position | None,
    remembered: Position | None,
    on_kafka: dict[int, OutboxRecord],
    keep_to: int,
    take: list[int],
    publish: list[int],
    missing: list[int],
    goes_on: int,
) -> None:
    decided = plan(Memory("here", position), remembered, 4, OURS.get, on_kafka)
    assert decided.keep_to == keep_to
    assert [one.number for one in decided.take] == take
    assert each(decided.publish) == publish
    assert each(decided.missing) == missing
    assert decided.position.number == goes_on
    assert decided.position.record_id == (
        on_kafka[goes_on].record_id
        if goes_on in on_kafka
        else position.record_id
        if position and position.number == goes_on
        else OURS[goes_on]
    )
    assert f"after record {goes_on}" in decided.lines()[-1]


@pytest.mark.parametrize(
    ("position", "remembered", "ours", "on_kafka", "keep_to", "take", "publish", "missing", "goes_on"),
    [
        # All that the slot had is lost: what Kafka holds of it begins above the slot's first number.
        (Position(103, "c"), None, {}, found(n101="a", n103="c"), 100, [101, 103], [], [102], 103),
        (Position(102, "b"), None, {}, {}, 100, [], [], [101, 102], 102),
        # The first record is another's by now.
        (Position(101, "a"), None, {101: "x"}, found(n101="a"), 100, [101], [], [], 101),
        # Nobody knows of any publishing: it begins with the slot's first record.
        (None, None, {101: "a"}, {}, 101, [], [], [], 100),
        # Kafka lost the slot's first records, or only its memory of them.
        (Position(101, "a"), Position(102, "b"), {101: "a", 102: "b"}, found(n101="a"), 102, [], [102], [], 102),
        (None, Position(102, "b"), {101: "a", 102: "b"}, found(n101="a", n102="b"), 102, [], [], [], 102),
    ],
)
def test_the_plan_of_a_slot_above_0_counts_from_its_first_record(
    position: Position | None,
    remembered: Position | None,
    ours: dict[int, str],
    on_kafka: dict[int, OutboxRecord],
    keep_to: int,
    take: list[int],
    publish: list[int],
    missing: list[int],
    goes_on: int,
) -> None:
    """Here the numbers up to 100 are another slot's: none of them is taken, published or missed."""
    decided = plan(Memory("here", position), remembered, max(ours, default=100), ours.get, on_kafka, first=100)
    assert (decided.keep_to, decided.position.number) == (keep_to, goes_on)
    assert [one.number for one in decided.take] == take
    assert (each(decided.publish), each(decided.missing)) == (publish, missing)


def test_a_number_far_beyond_ours_makes_no_long_list() -> None:
    """Anybody who may write to the positions topic can name one; a person sees how many are missing, and decides."""
    far = first_record(1) - 1
    decided = plan(Memory("here", Position(far, "x")), None, 4, OURS.get, found(n2="b", n7="g", n9="i"))
    assert decided.missing == (range(3, 7), range(8, 9), range(10, far + 1))
    assert decided.lines()[2] == f"Kafka no longer holds, and this journal never had: 3 to 6, 8, 10 to {far}"
    many = {2 * number: record(2 * number, "x") for number in range(1, 40)}
    decided = plan(Memory("here", Position(far, "x")), None, 0, NOTHING.get, many)
    assert decided.lines()[2].endswith(f"37, 39 and {far - 78 + 19} more")


@pytest.mark.parametrize("slot", [0, 1])
def test_a_number_that_the_slot_cannot_have_is_refused(slot: int) -> None:
    """Taken over, it would have the slot go on with the numbers of the next one."""
    first, too_far = first_record(slot), first_record(slot + 1)
    with pytest.raises(JournalError, match=f"Kafka remembers record {too_far}, and slot {slot} of a journal has no"):
        plan(Memory("here", Position(too_far, "x")), None, first, OURS.get, {}, first=first)
    beyond = {too_far + 1: record(too_far + 1, "x"), first + 1: record(first + 1, "y")}
    decided = plan(Memory("here", Position(first + 1, "y")), None, first, NOTHING.get, beyond, first=first)
    assert ([one.number for one in decided.take], decided.position.number) == ([first + 1], first + 1)


async def test_a_record_is_rebuilt_from_its_message_and_a_state_from_its_events() -> None:
    """What is on Kafka is enough: the same record but for its callback, and the state that the outbox had."""
    base = json.loads(
        next(v["body"] for v in OXPAY_VECTORS["bodies"] if v["name"] == "crypto-exchange-withdraw-exchanged")
    )
    way = Way()
    contents = [{"status": "Done"}, {}, {"status": "Done", "hash": "f"}, {"status": "Failed"}]
    await way.events("0xpay-main", [json.dumps(base | change).encode() for change in contents] + [b"junk"])
    rebuilt = []
    for one in way.outbox.records:
        (message,) = route(one, (), "", "journal")
        headers = {name: value.decode() for name, value in message.headers}
        back = rebuild(headers, message.value)
        assert back == replace(one, callback=None)
        rebuilt.append(back)
    (operation,) = way.outbox.known.values()
    assert fold([one for one in rebuilt if one and one.record_type == "event"], way.intake.sources) == replace(
        operation.state, arrival=0
    )


def test_what_is_not_ours_is_not_rebuilt() -> None:
    """A foreign record on a shared topic has no such headers."""
    assert rebuild({}, b"{}") is None
    assert rebuild({"receiver-position": "j:x", "ce_id": "a"}, b"{}") is None


def test_a_placeholder_goes_nowhere() -> None:
    """It only keeps the number's id."""
    stands = placeholder(Position(7, "id-7"), record(6, "f"))
    assert (stands.number, stands.record_id, stands.record_type) == (7, "id-7", "withheld")
    assert stands.received_at == record(6, "f").received_at
    assert route(stands, (), "", "j") == ()
    assert orjson.loads(placeholder(Position(7, "x"), None).value) == {}


def test_a_simulated_event_is_one_still_when_it_is_read_back() -> None:
    """By its header on Kafka."""
    made = record(3, "c")
    event: dict[str, object] = {
        "provider": "0xpay",
        "source": "main",
        "account": "m",
        "family": "exchange",
        "kind": "exchange",
    }
    event |= {"kind": "exchange", "operation_id": "o", "status": "completed", "effective": True}
    event |= {"received_at": made.received_at, "provider_status": "Done", "sequence": 1, "revision": 1}
    for simulated in (True, False):
        kept = replace(made, simulated=simulated, value=orjson.dumps(event))
        (message,) = route(kept, (), "", "journal")
        headers = {name: value.decode() for name, value in message.headers}
        assert rebuild(headers, message.value) == kept


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"provider": 1}', b"null", b"\xff"])
@pytest.mark.parametrize("kind", ["exchange.completed", "webhook.quarantine"])
def test_what_others_wrote_to_a_topic_is_nobodys_record(value: bytes, kind: str) -> None:
    """Also under headers like ours, and with a number that nobody can count to."""
    headers = {"receiver-position": "journal:3", "ce_id": "x", "ce_type": kind}
    assert rebuild(headers, value) is None
    assert rebuild(headers | {"receiver-position": "journal:" + "9" * 5000}, value) is None
