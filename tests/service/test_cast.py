"""A service that is alone with its journal: who ends when, and what it says of itself."""

from __future__ import annotations

import asyncio

from receiver.service.cast import Alone
from receiver.service.process import Role
from receiver.service.watched_child import Child
from tests.support import Lines


class Noted(Child):
    """A child without a process, whose end is noted."""

    def __init__(self, role: Role, story: list[str]) -> None:
        super().__init__(role, {}, Lines())
        self.story = story
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Until it is stopped."""
        await self.over.wait()

    async def stop(self, timeout_s: float) -> None:
        """Note for how long it may take."""
        self.story.append(f"{self.role} {timeout_s:.0f}")
        await asyncio.sleep(0)
        self.over.set()


async def test_who_takes_callbacks_ends_before_who_interprets_them() -> None:
    """And has most of the time; all of them have ended then."""
    story: list[str] = []
    roles: list[Role] = ["intake", "interpret", "publish", "reconcile", "traces"]
    cast = Alone([Noted(role, story) for role in roles])
    running = asyncio.create_task(cast.run())
    await asyncio.sleep(0)
    await cast.drain(30)
    await asyncio.wait_for(running, 60)
    assert set(story[:2]) == {"intake 20", "reconcile 9"}
    assert set(story[2:]) == {"interpret 9", "publish 9", "traces 9"}


async def test_what_is_not_configured_is_not_missed() -> None:
    """Kafka is off then, and nobody is asked."""
    story: list[str] = []
    cast = Alone([Noted("intake", story), Noted("interpret", story)])
    said = cast.readiness()
    assert said["kafka"]["state"] == "off"
    assert "reconcile" not in said
    assert said["inbox"]["detail"] == "the intake process is down"
    assert cast.metrics() == b""
