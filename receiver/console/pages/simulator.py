"""``/simulator``: a provider to play, under ``receiver dev`` alone."""

from __future__ import annotations

from receiver.console.answers import Ask, NoSuchPage, Page
from receiver.console.desk import Desk

FAULTS = {
    "duplicate": "sent once more after its 200",
    "reorder": "sent after the one that should follow it",
    "tamper": "a forged copy is sent before it, and must be refused",
    "late": "sent once more when its operation is over",
    "drop": "never sent",
    "unknown": "a copy with a status that nobody knows, for the quarantine",
}
"""Shares of callbacks that something happens to."""


def simulator(desk: Desk, ask: Ask) -> Page:
    """What can be played, what is being played, and what came of it."""
    del ask
    if desk.simulator is None:
        raise NoSuchPage("there is a simulator under `receiver dev` alone")
    values = {"sources": desk.simulator.sources(), "faults": FAULTS, "state": desk.simulator.state()}
    return Page("simulator.html", "Simulator", values, "receiver simulate --verify journal")
