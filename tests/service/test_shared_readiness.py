"""``/readyz`` on a shared journal is true of each slot, and means by ready what the service is there for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from receiver.journal.slots import SlotState, first_record
from receiver.service.admin import OFF
from receiver.service.shared_readiness import Said, Shared, shared_readiness, shared_text

TAKING: dict[str, Any] = {"state": "up", "detail": None, "queued": 2, "committed": 90}
INTERPRET: dict[str, Any] = {"uninterpreted": 3, "interpreted": 5, "recorded": 9, "detail": None}
PUBLISH: dict[str, Any] = {"state": "up", "backlog": 1, "position": 7, "detail": None}


def state(slot: int, holder: str | None = "x", age_s: float | None = 0.25) -> SlotState:
    """A slot in somebody's hands."""
    return SlotState(slot, 4, holder, age_s, 0, 0, first_record(slot))


BOTH = Shared(
    role="all",
    slots=[state(0), state(1)],
    held={0: Said(4, INTERPRET, PUBLISH)},
    asked=True,
    trouble=None,
    lease_s=5,
    kafka=True,
    intakes=[TAKING],
)


def test_it_tells_of_each_slot_and_of_those_here_with_figures() -> None:
    """What another worker holds is that one's to say; what was recorded since the publisher spoke counts."""
    said = shared_readiness(BOTH)
    assert said["ready"] is True
    assert said["slots"] == [
        {
            "slot": 0, "epoch": 4, "held_here": True, "held": True, "lease_age_s": 0.2,
            "uninterpreted": 3, "backlog": 2, "kafka": "up",
        },
        {
            "slot": 1, "epoch": 4, "held_here": False, "held": True, "lease_age_s": 0.2,
            "uninterpreted": None, "backlog": None, "kafka": None,
        },
    ]  # fmt: skip
    assert said["interpret"] == {"state": "up", "uninterpreted": 3, "detail": None}
    assert said["kafka"] == {"state": "up", "backlog": 2, "detail": None}


@pytest.mark.parametrize(("age_s", "holder"), [(5.5, "x"), (None, None)])
def test_a_slot_without_a_living_holder_is_named(age_s: float | None, holder: str | None) -> None:
    """Its events wait, and callbacks are taken all the same."""
    said = shared_readiness(replace(BOTH, slots=[state(0), state(1, holder, age_s)]))
    assert said["ready"] is True
    assert said["interpret"]["state"] == "down"
    assert said["interpret"]["detail"] == "nobody holds slot 1"
    assert said["slots"][1]["held"] is False


@pytest.mark.parametrize(
    ("asked", "trouble", "ready"), [(True, None, True), (True, "away", False), (False, None, False)]
)
def test_a_worker_is_ready_while_the_database_answers(*, asked: bool, trouble: str | None, ready: bool) -> None:
    """It takes no callbacks, so there is no inbox to tell of."""
    said = shared_readiness(replace(BOTH, role="worker", asked=asked, trouble=trouble, intakes=[]))
    assert said["ready"] is ready
    assert said["database"]["state"] == ("up" if ready else "down")
    assert "inbox" not in said
    assert said["database"]["detail"] == (trouble or (None if asked else "the database was not reached yet"))


def test_a_service_takes_callbacks_while_one_of_its_processes_does() -> None:
    """One that is being started again refuses nobody: its listener is the others' too."""
    down = {"state": "down", "detail": "database_down", "queued": 5, "committed": 80}
    said = shared_readiness(replace(BOTH, intakes=[None, down, TAKING]))
    assert (said["ready"], said["inbox"]["processes"], said["inbox"]["processes_up"]) == (True, 3, 1)
    assert (said["inbox"]["queued"], said["inbox"]["committed"]) == (7, 90)
    for intakes, why in (([None], "no intake process answers yet, or all are down"), ([down, None], "database_down")):
        said = shared_readiness(replace(BOTH, intakes=intakes))
        assert (said["ready"], said["inbox"]["detail"]) == (False, why)


def test_kafka_is_as_well_as_its_worst_slot_here() -> None:
    """And unknown backlogs are not taken for none."""
    stopped = PUBLISH | {"state": "stopped", "detail": "different histories"}
    said = shared_readiness(replace(BOTH, held={0: Said(4, INTERPRET, PUBLISH), 1: Said(4, INTERPRET, stopped)}))
    assert said["kafka"] == {"state": "stopped", "backlog": 4, "detail": "different histories"}
    said = shared_readiness(replace(BOTH, held={0: Said(4, INTERPRET, None)}))
    assert said["kafka"] == {"state": "down", "backlog": None, "detail": None}
    said = shared_readiness(replace(BOTH, held={0: Said(4, None, PUBLISH)}))
    assert said["interpret"]["detail"] == "an interpret process is starting or down"
    assert said["kafka"]["backlog"] is None


def test_who_publishes_nothing_says_so() -> None:
    """For want of Kafka, or since workers do."""
    assert shared_readiness(replace(BOTH, kafka=False))["kafka"] == {"state": "off", "backlog": 0, "detail": None}
    nobody = {slot: replace(said, publish=OFF) for slot, said in BOTH.held.items()}
    slot = shared_readiness(replace(BOTH, kafka=False, held=nobody))["slots"][0]
    assert (slot["kafka"], slot["backlog"]) == ("off", 0)
    said = shared_readiness(replace(BOTH, role="intake", held={}))
    assert said["kafka"] == {"state": "off", "backlog": 0, "detail": "workers publish"}


def test_reconcile_is_told_of_where_it_runs() -> None:
    """Each slot's process asks about the sources whose callbacks are there."""
    assert "reconcile" not in shared_readiness(BOTH)
    said = shared_readiness(replace(BOTH, reconciling=[{"sources": {"a": 1}}, {"sources": {"b": 2}}]))
    assert said["reconcile"] == {"state": "up", "sources": {"a": 1, "b": 2}}
    said = shared_readiness(replace(BOTH, reconciling=[{"sources": {"a": 1}}, None]))
    assert said["reconcile"] == {"state": "down", "sources": {"a": 1}}


def test_figures_are_said_by_slot() -> None:
    """An age of -1 is nobody's."""
    text = shared_text(
        replace(BOTH, slots=[state(0), state(1, None, None)], takeovers=2, lost=1, horizon_age_s=0.5, in_no_part=4)
    ).decode()
    values = {
        (one.name, one.labels.get("slot")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    assert values == {
        ("receiver_slot_held", "0"): 1,
        ("receiver_slot_held", "1"): 0,
        ("receiver_slot_lease_age_seconds", "0"): 0.25,
        ("receiver_slot_lease_age_seconds", "1"): -1,
        ("receiver_database_up", None): 1,
        ("receiver_inbox_horizon_age_seconds", None): 0.5,
        ("receiver_inbox_in_no_part", None): 4,
        ("receiver_slot_takeovers_total", None): 2,
        ("receiver_fenced_total", None): 1,
    }
