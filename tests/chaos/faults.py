"""What breaks processes, brokers, the network, the disk and the journal, each undone before it returns.

The load goes on meanwhile unless a fault says why it must not.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import uuid
from collections.abc import Sequence

from tests.chaos import poison
from tests.chaos.fault import Fault
from tests.chaos.traffic import ACCOUNT, ORGANISATION, Callback
from tests.chaos.world import MESSAGE_BYTES_MAX, World

CHILDREN = ("intake", "interpret", "publish")


async def kill_process(world: World) -> None:
    """SIGKILL of one of ours, often several in a row."""
    for _ in range(world.chance.randrange(1, 6)):
        role = world.chance.choices((*CHILDREN, "supervisor"), (4, 4, 4, 1))[0]
        if world.service.kill(role):
            world.counts[f"kill {role}"] += 1
        if role == "supervisor":
            world.start()
        await asyncio.sleep(world.chance.uniform(0.05, 0.7))


async def stop_process(world: World) -> None:
    """SIGSTOP for a while, for the publisher also longer than its transaction lives."""
    role = world.chance.choice((*CHILDREN, "supervisor"))
    if not world.service.kill(role, signal.SIGSTOP):
        return
    world.counts[f"stop {role}"] += 1
    await asyncio.sleep(world.chance.choice((0.5, 2, 8)))
    world.service.kill(role, signal.SIGCONT)


async def kill_broker(world: World) -> None:
    """SIGKILL of one of the brokers, and its restart."""
    broker = world.chance.choice(world.brokers)
    world.counts["kill broker"] += 1
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(world.chance.uniform(0, 5))
    broker.start()
    await asyncio.to_thread(broker.wait_ready)


async def restart_broker(world: World) -> None:
    """A clean stop and start."""
    broker = world.chance.choice(world.brokers)
    world.counts["restart broker"] += 1
    await asyncio.to_thread(broker.stop)
    broker.start()
    await asyncio.to_thread(broker.wait_ready)


async def all_brokers_away(world: World) -> None:
    """Nobody answers; a relay that starts meanwhile finds none."""
    world.counts["all brokers away"] += 1
    for proxy in world.proxies:
        proxy.refusing = True
        proxy.cut()
    if world.service.kill("publish"):
        world.counts["kill publisher"] += 1
    await asyncio.sleep(world.chance.uniform(3, 10))
    for proxy in world.proxies:
        proxy.refusing = False


async def cut_network(world: World) -> None:
    """Every connection is reset, a few times."""
    for _ in range(world.chance.randrange(1, 6)):
        world.counts["cut connections"] += 1
        for proxy in world.proxies:
            proxy.cut()
        await asyncio.sleep(world.chance.uniform(0.1, 1))


async def slow_network(world: World) -> None:
    """Each piece of data takes its time."""
    world.counts["slow network"] += 1
    for proxy in world.proxies:
        proxy.delay_s = world.chance.choice((0.02, 0.1))
    await asyncio.sleep(world.chance.uniform(2, 6))
    for proxy in world.proxies:
        proxy.delay_s = 0


async def full_disk(world: World) -> None:
    """No file of the intake process, or of the relay, may grow; then it is free again."""
    role = world.chance.choice(CHILDREN)
    if not world.limit_files(role, 64 * 1024):
        return
    world.counts[f"full disk of {role}"] += 1
    await asyncio.sleep(world.chance.uniform(1, 4))
    world.limit_files(role, None)


async def slow_disk(world: World) -> None:
    """Each fsync takes 5 or 50 ms."""
    delay_us = world.chance.choice((5_000, 50_000))
    world.counts[f"fsync of {delay_us // 1000} ms"] += 1
    world.turn(fsync_us=delay_us)
    await asyncio.sleep(world.chance.uniform(2, 6))
    world.turn()


async def second_service(world: World) -> None:
    """Another service on the same journal is refused."""
    world.counts["second service"] += 1
    done = await asyncio.to_thread(world.service.receiver, "dev")
    if done.returncode != 1 or "another receiver holds the journal" not in done.stderr:
        world.wrong.append(f"a second service was not refused: {done.returncode} {done.stderr[-300:]}")


async def terminate(world: World) -> None:
    """SIGTERM under load: exit 0 in time, then a new start."""
    world.counts["sigterm"] += 1

    async def nothing() -> None:
        """It is only stopped."""

    await world.stopped(nothing)


def _odd(kind: str) -> Callback:
    identity = str(uuid.uuid4())
    if kind == "large":
        document = {"kind": "Exchange", "id": identity, "status": "Done", "meta": "x" * (MESSAGE_BYTES_MAX * 2)}
        return Callback("0xpay-main", f"0xpay:{ACCOUNT}:exchange:{identity}", "Done", json.dumps(document).encode(), ())
    document = {"id": identity, "organizationId": ORGANISATION, "status": "ERROR", "message": kind}
    key = f"onchainpay:{ORGANISATION}:auto_swap:{identity}"
    return Callback("swaps", key, "ERROR", json.dumps(document).encode(), ())


async def large_callback(world: World) -> None:
    """Its event is larger than the broker takes: it goes to quarantine, and the line goes on."""
    world.counts["too large for the broker"] += 1
    callback = _odd("large")
    await world.post(callback)
    world.must_be_quarantined(callback, "too_large_for_broker")


async def poisonous_callback(world: World) -> None:
    """It kills the process that interprets it: after three deaths it is alone in quarantine."""
    word = world.chance.choice(sorted(poison.WORDS))
    world.counts[f"poison {word}"] += 1
    callback = _odd(f"poison-{word}")
    await world.post(callback)
    world.must_be_quarantined(callback, "internal_error")
    await world.until("poison set aside", lambda said: said["interpret"]["uninterpreted"] == 0, 90)


async def restore_backup(world: World) -> None:
    """An older copy of the journal is put in its place, and rejoined; nothing is sent meanwhile."""
    world.counts["restore and rejoin"] += 1
    service, copy = world.service, world.folder / f"backup-{world.counts['restore and rejoin']}"
    done = await asyncio.to_thread(service.receiver, "journal", "backup", str(copy))
    if done.returncode != 0:
        world.wrong.append(f"backup under load failed: {done.stderr[-300:]}")
        return
    await asyncio.sleep(world.chance.uniform(1, 5))

    async def swap() -> None:
        shutil.rmtree(service.folder / "journal")
        shutil.copytree(copy, service.folder / "journal")
        world.in_journal_from = len(world.ledger.owed)

    async def replace() -> None:
        await world.stopped(swap)
        await world.until("stopped or up", lambda said: said["kafka"]["state"] in {"stopped", "up"}, 60)
        await world.person("journal", "rejoin", "--yes")
        await world.drained()

    await world.pausing(replace)


async def new_journal(world: World) -> None:
    """The journal is deleted once all is published: a new one skips nothing."""
    world.counts["new journal"] += 1
    service = world.service

    async def swap() -> None:
        shutil.rmtree(service.folder / "journal")
        world.in_journal_from = len(world.ledger.owed)

    async def replace() -> None:
        await world.stopped(swap)
        await world.ready()

    await world.pausing(replace)


FAULTS: Sequence[Fault] = (
    Fault("kill a process", kill_process, 14),
    Fault("stop a process", stop_process, 4),
    Fault("kill a broker", kill_broker, 3),
    Fault("restart a broker", restart_broker, 1),
    Fault("all brokers away", all_brokers_away, 2),
    Fault("cut the network", cut_network, 3),
    Fault("slow network", slow_network, 2),
    Fault("full disk", full_disk, 3),
    Fault("slow disk", slow_disk, 2, needs_knobs=True),
    Fault("a second service", second_service, 1),
    Fault("SIGTERM under load", terminate, 2),
    Fault("a callback too large", large_callback, 1),
    Fault("a poisonous callback", poisonous_callback, 1),
    Fault("restore a backup", restore_backup, 1),
    Fault("a new journal", new_journal, 1),
)
