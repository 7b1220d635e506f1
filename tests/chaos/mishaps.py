"""Ordinary mishaps of the world outside: a clock, a quota, a right, a topic, the log's reader.

Each waits until `/readyz` says what is the matter, does what the runbook tells a person to do, and waits until all is
well again. The load goes on meanwhile, and now and then a process is killed in the middle of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.chaos.administrator import Right
from tests.chaos.cluster import TRANSACTIONS, USER, may_write
from tests.chaos.fault import Fault
from tests.chaos.world import EVENTS_TOPIC, POSITIONS_TOPIC, QUARANTINE_TOPIC, STARTED_S, TIMESTAMP_OFF_S_MAX, World

DAY_S = 86_400
NEAR_S = (-900, -120, 120, 900, 3300)
FAR_S = (-10 * DAY_S, -7200, -3900, 3900, 7200, 10 * DAY_S)
OFF_BY = re.compile(r"Kafka refuses our timestamps: this clock is off by ([\d.]+) s \((ahead of|behind) the broker's\)")
OFF_TOLERANCE_S = 20
"""A record may have waited for as long before its timestamp was refused."""
QUOTAS_BYTES_PER_S = (4000, 12_000)
"""To each broker, which is less than the load's events need."""
PARTITIONS_MAX = 12
KILLED_ONE_IN = 3

KafkaSays = Callable[[dict[str, Any]], bool]


def is_up(kafka: dict[str, Any]) -> bool:
    """Records go through."""
    return bool(kafka["state"] == "up")


def is_down_for(words: str) -> KafkaSays:
    """They do not, and it is said why in these words."""
    return lambda kafka: kafka["state"] == "down" and words in (kafka["detail"] or "")


def is_off_by(seconds: int) -> KafkaSays:
    """They do not since this clock is off, by so much and in this direction."""

    def says(kafka: dict[str, Any]) -> bool:
        found = OFF_BY.match(kafka["detail"] or "") if kafka["state"] == "down" else None
        return (
            found is not None
            and abs(float(found[1]) - abs(seconds)) < OFF_TOLERANCE_S
            and found[2] == ("ahead of" if seconds > 0 else "behind")
        )

    return says


async def killing_now_and_then(world: World) -> bool:
    """SIGKILL of the publish process or of the whole service, one time in three."""
    if world.chance.randrange(KILLED_ONE_IN):
        return False
    role = world.chance.choice(("publish", "publish", "supervisor"))
    if world.service.kill(role):
        world.counts[f"kill {role} in a mishap"] += 1
    if role == "supervisor":
        world.start()
    return True


async def lasting(world: World, what: str, says: KafkaSays) -> None:
    """It is said, and said again by a process that knows nothing of it yet."""
    if await world.kafka_says(what, says) and await killing_now_and_then(world):
        await world.kafka_says(f"{what}, after a kill", says, STARTED_S)
    await asyncio.sleep(world.chance.uniform(0.2, 2))


async def step_clock(world: World) -> None:
    """By minutes, either way: 0xpay's callbacks are stale until it is right again, and all else goes on."""
    world.counts["clock step of minutes"] += 1
    world.turn(clock_s=world.chance.choice(NEAR_S))
    await asyncio.sleep(world.chance.uniform(1, 4))
    world.turn()


async def step_clock_far(world: World) -> None:
    """By more than an hour, either way: Kafka refuses our timestamps, and that is said with by how much it is off."""
    seconds = world.chance.choice(FAR_S)
    assert abs(seconds) > TIMESTAMP_OFF_S_MAX
    world.counts[f"clock step of hours {'ahead' if seconds > 0 else 'back'}"] += 1
    world.turn(clock_s=seconds)
    await lasting(world, "clock off", is_off_by(seconds))
    world.turn()
    await world.kafka_says("up after the clock was set", is_up)


async def stall_log_reader(world: World) -> None:
    """The log's reader stops reading: everything goes on, also an end and a start; then it reads on."""
    world.counts["log reader stalled"] += 1
    reader = world.service.log_reader
    assert reader is not None
    reader.stall()
    try:
        await _goes_on(world, "while the log's reader stalls")
        if world.chance.randrange(KILLED_ONE_IN) == 0:
            world.counts["sigterm in a mishap"] += 1
            await world.stopped(_nothing)
            await world.ready()
    finally:
        reader.go_on()
    await _log_flows(world)


async def kill_log_reader(world: World) -> None:
    """The log's reader dies, and another one takes its place: what nobody could read is counted, and that is said."""
    world.counts["log reader killed"] += 1
    reader = world.service.log_reader
    assert reader is not None
    reader.kill()
    await _goes_on(world, "without a reader of the log")
    if not await world.holds("lost lines counted", lambda: bool(world.service.metric("receiver_log_lines_lost_total"))):
        world.wrong.append("no line was lost without a reader of the log, as /metrics says")
    mark = world.service.log.stat().st_size
    reader.start()
    await _log_flows(world)

    def said() -> bool:
        with world.service.log.open("rb") as log:
            log.seek(mark)
            return b'"log.lines_lost"' in log.read()

    if not await world.holds("lost lines said", said):
        world.wrong.append("the log does not say that lines were lost")


async def _nothing() -> None:
    """The service is only stopped."""


async def _goes_on(world: World, when: str) -> None:
    before = world.ledger.answers["200"]
    await world.until(f"ready {when}", lambda said: bool(said["ready"]))
    await asyncio.sleep(world.chance.uniform(2, 5))
    if not await world.holds(f"200 {when}", lambda: world.ledger.answers["200"] > before):
        world.wrong.append(f"no callback was answered {when}")


async def _log_flows(world: World) -> None:
    before = world.service.log.stat().st_size
    if not await world.holds("the log is read again", lambda: world.service.log.stat().st_size > before):
        world.wrong.append("no line comes although the log is read again")


async def throttle_producer(world: World) -> None:
    """A quota holds us back: the wait can be seen in a number; without the quota the backlog drains."""
    world.counts["quota"] += 1
    before = world.service.metric("receiver_kafka_throttled_seconds_total") or 0.0
    quota = world.chance.choice(QUOTAS_BYTES_PER_S)
    await asyncio.to_thread(world.administrator.throttle, USER, quota)

    def waited() -> bool:
        return (world.service.metric("receiver_kafka_throttled_seconds_total") or 0.0) > before

    try:
        if not await world.holds("throttled", waited):
            world.wrong.append(f"a quota of {quota} B/s cannot be seen: {world.service.tail_of_log(10)}")
        await asyncio.sleep(world.chance.uniform(1, 4))
    finally:
        await asyncio.to_thread(world.administrator.throttle, USER, None)
    await world.kafka_says("up after a quota", is_up)


async def add_partition(world: World) -> None:
    """A topic gets one more partition: it is said, and keys go on over the old ones until a person takes it."""
    topic = world.chance.choice((EVENTS_TOPIC, QUARANTINE_TOPIC))
    if world.administrator.topics()[topic] >= PARTITIONS_MAX:
        return
    world.counts["partition added"] += 1
    count = await asyncio.to_thread(world.administrator.add_partition, topic)
    words = f"topic {topic} has {count} partitions, and its keys go over"
    await world.kafka_says("partition added", lambda kafka: is_up(kafka) and words in (kafka["detail"] or ""))
    await killing_now_and_then(world)
    if world.chance.randrange(2):
        # The runbook: once consumers have reached the end, best while few callbacks come.
        await world.pausing(lambda: accept(world, topic))


async def accept(world: World, topic: str) -> None:
    """Take a topic's new number of partitions."""
    world.counts["partitions accepted"] += 1
    await world.person("topics", "accept", topic)
    await world.kafka_says("partitions accepted", lambda kafka: is_up(kafka) and topic not in (kafka["detail"] or ""))


async def take_right(world: World) -> None:
    """We may no longer write to a topic, or in transactions: that is said, and once it is given back all is well."""
    taken: Right = world.chance.choice((may_write(EVENTS_TOPIC), may_write(POSITIONS_TOPIC), TRANSACTIONS))
    world.counts["right taken away"] += 1
    await asyncio.to_thread(world.administrator.take_away, taken)
    try:
        await lasting(world, "right taken away", is_down_for("ACL"))
    finally:
        await asyncio.to_thread(world.administrator.grant, [taken])
    await world.kafka_says("up after a right was given back", is_up)


async def delete_quarantine(world: World) -> None:
    """The quarantine topic goes, and comes back: the relay says what is missing and goes on by itself."""
    world.counts["quarantine topic deleted"] += 1
    before = world.administrator.topics()[QUARANTINE_TOPIC]
    await asyncio.to_thread(world.administrator.delete_topic, QUARANTINE_TOPIC)
    world.odd.clear()  # what was on it is gone with it
    await world.kafka_says("quarantine topic missing", is_down_for(QUARANTINE_TOPIC))
    await world.create_topics()
    if world.administrator.topics()[QUARANTINE_TOPIC] == before:
        await world.kafka_says("up with a new quarantine topic", is_up)
    elif await world.kafka_says("fewer partitions", _smaller_or_up):
        await accept(world, QUARANTINE_TOPIC)


def _smaller_or_up(kafka: dict[str, Any]) -> bool:
    return is_up(kafka) or "it was made anew with fewer" in (kafka["detail"] or "")


async def delete_positions(world: World) -> None:
    """Kafka's memory of the journal goes: that is said, and nothing is published.

    A session that outlives it knows where it stands, and writes that into the new topic. A new session does not, and
    stops, until a person joins the two again.
    """
    # There is a memory to lose only where something was published.
    await world.kafka_says("published", lambda kafka: is_up(kafka) and (kafka["position"] or 0) > 0)
    world.counts["positions topic deleted"] += 1
    await asyncio.to_thread(world.administrator.delete_topic, POSITIONS_TOPIC)
    says = is_down_for(POSITIONS_TOPIC)
    killed = await world.kafka_says("positions topic missing", says) and world.chance.randrange(3) > 0
    if killed and world.service.kill("publish"):
        world.counts["kill publish in a mishap"] += 1
        await asyncio.sleep(0.5)  # until it is seen that it died
        await world.kafka_says("positions topic missing, after a kill", says, STARTED_S)
    await world.create_topics()
    await world.kafka_says(
        "stopped without its positions" if killed else "up or stopped with new positions",
        lambda kafka: kafka["state"] == "stopped" or (is_up(kafka) and not killed),
    )
    await world.person("journal", "rejoin", "--yes")
    await world.kafka_says("up after a rejoin", is_up)


MISHAPS: Sequence[Fault] = (
    Fault("step the clock by minutes", step_clock, needs_knobs=True),
    Fault("step the clock by hours", step_clock_far, 2, needs_knobs=True),
    Fault("stall the log's reader", stall_log_reader),
    Fault("kill the log's reader", kill_log_reader),
    Fault("throttle the producer", throttle_producer),
    Fault("add a partition", add_partition),
    Fault("take a right away", take_right),
    Fault("delete the quarantine topic", delete_quarantine),
    Fault("delete the positions topic", delete_positions),
)
