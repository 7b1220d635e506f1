"""What downstream teams get for their own tests, and the documents' example of it, run as it is printed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from exchange_events.status_event import Status, StatusEvent
from receiver.model.errors import ReceiverError
from receiver.sandbox.fakes import Callbacks
from receiver.service.config.settings import build
from receiver.service.config.sources import resolve_sources
from tests.support import Way

pytest_plugins = ["pytester"]
GUIDE = Path(__file__).parents[2] / "docs/consume/README.md"


def test_the_readmes_example_passes(pytester: pytest.Pytester) -> None:
    """As it is printed, in a folder of its own, through the installed plugin."""
    (example,) = re.findall(r"```python\n(def test_[^`]*)```", GUIDE.read_text("utf-8"))
    pytester.makepyfile(example)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=example.count("def test_"))


@pytest.mark.parametrize("scenario", Callbacks().scenarios)
async def test_every_sample_is_accepted_by_a_receiver_with_its_configuration(scenario: str) -> None:
    """Signed as of now, with made-up secrets."""
    settings = build(tomllib.loads(Callbacks().receiver_toml), "receiver.toml")
    way = Way(*resolve_sources(settings, Callbacks().environment).values())
    for callback in Callbacks().operation(scenario, now_s=way.clock.us // 1_000_000):
        answer = await way.request("POST", callback.path, callback.headers, callback.body)
        assert answer.status_code == 200
    assert all("event_id" in record for record in way.interpret())


@pytest.mark.parametrize("status", get_args(Status))
def test_events_of_every_status_with_changes(status: str) -> None:
    """Valid, and as asked for."""
    event = StatusEvent.model_validate(Callbacks().event(status, operation_id="mine", sequence=7))
    assert (event.status, event.operation_id, event.sequence) == (status, "mine", 7)


def test_a_seed_gives_the_same_again_and_what_is_not_there_is_named() -> None:
    """A test sees the same at every run."""
    assert Callbacks(3).operation(now_s=5) == Callbacks(3).operation(now_s=5)
    assert Callbacks(3).operation(now_s=5) != Callbacks(4).operation(now_s=5)
    with pytest.raises(ReceiverError, match="there is no scenario nope; there are exchange-happy"):
        Callbacks().operation("nope")
    with pytest.raises(ReceiverError, match="there is no status nope; there are pending"):
        Callbacks().event("nope")
