"""What an engineer on call wants to read: what was done, what it cost, and the timelines of what went wrong."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from tests.chaos.oracle import Seen, Verdict
from tests.chaos.world import World

TIMELINES_MAX = 5
LOG_LINES_MAX = 40


def report(world: World, verdict: Verdict, records: list[Seen], odd: list[Seen]) -> str:
    """The whole report as text."""
    ledger = world.ledger
    kills = sum(count for name, count in world.counts.items() if name.startswith("kill"))
    lines = [
        f"seed {world.seed}",
        f"kills {kills}   " + "   ".join(f"{name} {count}" for name, count in sorted(world.counts.items())),
        "answers " + "   ".join(f"{name} {count}" for name, count in sorted(ledger.answers.items())),
        f"longest time without a 200: {max(ledger.gaps_s, default=0):.1f} s; over a second: {len(ledger.gaps_s)} times",
        *_recoveries(world),
        f"quarantine records {len(odd)}, of them asked for {len(world.odd)}",
        *verdict.lines(),
    ]
    lines += [f"left out: {note}" for note in world.notes]
    lines += [f"WRONG: {text}" for text in world.wrong]
    lines += _timelines(world, verdict, records)
    ok = not verdict.faults and not world.wrong
    return "\n".join(
        [*lines, "the promises held" if ok else f"THE PROMISES DID NOT HOLD; repeat with --seed {world.seed}"]
    )


def _recoveries(world: World) -> list[str]:
    by_name: dict[str, list[float]] = defaultdict(list)
    for name, seconds in world.recoveries_s:
        by_name[name].append(seconds)
    return [f"{name}: {len(found)} times, longest {max(found):.1f} s" for name, found in sorted(by_name.items())]


def _timelines(world: World, verdict: Verdict, records: list[Seen]) -> list[str]:
    wrong = [*verdict.lost, *verdict.duplicated, *verdict.invented, *verdict.misordered, *verdict.wrong_facts]
    keys = list(dict.fromkeys(text.split(" ", 1)[0] for text in wrong))[:TIMELINES_MAX]
    lines = []
    for key in keys:
        lines.append(f"timeline of {key}")
        lines.append(f"    answered 200 in this order: {world.ledger.order.get(key)}")
        lines += [
            f"    on Kafka: partition {seen.partition} offset {seen.offset} sequence {seen.value['sequence']} "
            f"{seen.value['provider_status']} position {seen.headers.get('receiver-position')}"
            for seen in records
            if seen.key == key
        ]
        lines += [f"    log: {line}" for line in _log_of(world, key)[:LOG_LINES_MAX]]
    return lines


def _log_of(world: World, key: str) -> list[str]:
    found = []
    for line in world.service.log.read_text(errors="replace").splitlines():
        if key in line:
            try:
                said: dict[str, Any] = json.loads(line)
            except ValueError:  # its reader was killed in the middle of it
                continue
            found.append(f"{said.get('timestamp')} {said.get('event')} {said.get('callback')} {said.get('sequence')}")
    return found
