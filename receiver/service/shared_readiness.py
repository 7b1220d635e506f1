"""``/readyz`` and the figures of a service on a journal that several share: how each slot is, whoever has it. Pure.

The parts that a service alone with its journal has are there too, and mean the same: how the inbox takes callbacks, and
how interpreting and publishing are in the slots that are held here. Numbers of a slot that another service holds are
that one's to say, and are null here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from receiver.journal.slots import SlotState
from receiver.service.admin import OFF, beside
from receiver.service.metrics import render
from receiver.service.process import ServeRole

STATES = ("stopped", "down", "up")
"""Of Kafka, the worst first."""


@dataclass(frozen=True, slots=True)
class Said:
    """The last words of the two children that act for one slot, None while one is silent."""

    epoch: int
    interpret: Mapping[str, Any] | None
    publish: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Shared:
    """All that is known of the journal and of this service's part in it."""

    role: ServeRole
    slots: Sequence[SlotState]
    held: Mapping[int, Said]
    asked: bool
    """Whether the database has answered since the start."""
    trouble: str | None
    """Why it does not answer now."""
    lease_s: float
    kafka: bool
    """Whether Kafka is configured."""
    intakes: Sequence[Mapping[str, Any] | None] = ()
    """The last words of the processes that take callbacks."""
    reconciling: Sequence[Mapping[str, Any] | None] = ()
    """The last words of the processes that ask providers' APIs: each asks about the accounts of its slot."""
    console: Mapping[str, Any] | None = field(default_factory=lambda: OFF)
    """The last words of the console, ``OFF`` where there is none."""
    horizon_age_s: float = 0.0
    """For how long one transaction has kept callbacks from being read, or might have."""
    in_no_part: int = 0
    """Callbacks for which no part of the inbox was made."""
    takeovers: int = 0
    lost: int = 0


def shared_readiness(shared: Shared) -> dict[str, Any]:
    """The body of ``/readyz``: ready means that callbacks are taken, for a worker that the database answers."""
    inbox = _inbox(shared.intakes)
    up = shared.asked and shared.trouble is None
    detail = shared.trouble if shared.asked or shared.trouble else "the database was not reached yet"
    slots = [_slot(state, shared) for state in shared.slots]
    return {
        "ready": up if shared.role == "worker" else inbox["state"] == "up",
        "role": shared.role,
        "database": {"state": "up" if up else "down", "detail": detail},
        **({} if shared.role == "worker" else {"inbox": inbox}),
        "interpret": _interpret(shared),
        "kafka": _kafka(shared, slots),
        "slots": slots,
        **({"reconcile": _reconcile(shared.reconciling)} if shared.reconciling else {}),
        **beside({"console": shared.console}),
    }


def _reconcile(reconciling: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    told = [one for one in reconciling if one is not None]
    sources = {name: said for one in told for name, said in one["sources"].items()}
    return {"state": "up" if len(told) == len(reconciling) else "down", "sources": sources}


def _inbox(intakes: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    # Whoever connects reaches one that listens: the service takes callbacks while one of its processes does.
    said = [one for one in intakes if one is not None]
    if not said:
        return {"state": "down", "detail": "no intake process answers yet, or all are down"}
    best = next((one for one in said if one["state"] == "up"), said[0])
    return {
        **best,
        "queued": sum(one.get("queued") or 0 for one in said),
        "committed": max(one.get("committed") or 0 for one in said),
        "processes": len(intakes),
        "processes_up": sum(one["state"] == "up" for one in said),
    }


def _slot(state: SlotState, shared: Shared) -> dict[str, Any]:
    said = shared.held.get(state.slot)
    here = said is not None
    interpret, publish = (said.interpret, said.publish) if said is not None else (None, None)
    backlog = None
    if not shared.kafka:
        backlog = 0
    elif interpret and publish:
        backlog = max(publish["backlog"], interpret["recorded"] - publish["position"])
    return {
        "slot": state.slot,
        "epoch": said.epoch if said is not None else state.epoch,
        "held_here": here,
        "held": is_held(state, shared.lease_s),
        "lease_age_s": None if state.lease_age_s is None else round(state.lease_age_s, 1),
        "uninterpreted": None if interpret is None else interpret["uninterpreted"],
        "backlog": backlog,
        "kafka": _kafka_of(publish, shared, here=here),
    }


def _kafka_of(publish: Mapping[str, Any] | None, shared: Shared, *, here: bool) -> str | None:
    if not shared.kafka:
        return "off"
    if not here:
        return None
    return "down" if publish is None else str(publish["state"])


def is_held(state: SlotState, lease_s: float) -> bool:
    """Whether some worker has the slot and was heard of within its lease; not in a time that is yet to come."""
    return state.holder is not None and state.lease_age_s is not None and abs(state.lease_age_s) <= lease_s


def _interpret(shared: Shared) -> dict[str, Any]:
    here = [said.interpret for said in shared.held.values()]
    told = [one for one in here if one is not None]
    orphans = [state.slot for state in shared.slots if not is_held(state, shared.lease_s)]
    details = [f"nobody holds slot {slot}" for slot in orphans]
    details += [str(one["detail"]) for one in told if one.get("detail")]
    if len(told) < len(here):
        details.append("an interpret process is starting or down")
    up = bool(shared.slots) and not orphans and len(told) == len(here)
    uninterpreted = sum(one["uninterpreted"] for one in told) if told else None
    return {"state": "up" if up else "down", "uninterpreted": uninterpreted, "detail": "; ".join(details) or None}


def _kafka(shared: Shared, slots: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    if not shared.kafka or shared.role == "intake":
        detail = "workers publish" if shared.kafka else None
        return {"state": "off", "backlog": 0, "detail": detail}
    here = [slot for slot in slots if slot["held_here"]]
    known = [slot["backlog"] for slot in here if slot["backlog"] is not None]
    worst = min((slot["kafka"] for slot in here), key=STATES.index, default="up" if slots else "down")
    said = [one.publish for one in shared.held.values() if one.publish is not None]
    details = dict.fromkeys(str(one["detail"]) for one in said if one.get("detail"))
    backlog = sum(known) if len(known) == len(here) else None
    return {"state": worst, "backlog": backlog, "detail": "; ".join(details) or None}


def shared_text(shared: Shared) -> bytes:
    """The supervisor's own figures of the slots, as exposition text."""
    registry = CollectorRegistry()
    held = Gauge("receiver_slot_held", "1 while this service holds the slot", ["slot"], registry=registry)
    age = Gauge(
        "receiver_slot_lease_age_seconds", "Since its holder was heard of; -1: nobody's", ["slot"], registry=registry
    )
    for state in shared.slots:
        held.labels(state.slot).set(state.slot in shared.held)
        age.labels(state.slot).set(-1 if state.lease_age_s is None else state.lease_age_s)
    Gauge("receiver_database_up", "1 while the journal's database answers", registry=registry).set(
        shared.asked and shared.trouble is None
    )
    Gauge(
        "receiver_inbox_horizon_age_seconds", "Age of the oldest writing transaction of the server", registry=registry
    ).set(shared.horizon_age_s)
    Gauge(
        "receiver_inbox_in_no_part", "Callbacks that came after the inbox's last part was full", registry=registry
    ).set(shared.in_no_part)
    Counter("receiver_slot_takeovers", "Slots taken from workers that were silent", registry=registry).inc(
        shared.takeovers
    )
    Counter("receiver_fenced", "Slots that others took from this service", registry=registry).inc(shared.lost)
    return render(registry)
