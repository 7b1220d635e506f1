"""Children of one slot start, end and fail together."""

from __future__ import annotations

import asyncio

import pytest

from receiver.service.team import ChildTeam
from receiver.service.watched_child import Child, GaveUp
from tests.support import Lines


class Quiet(Child):
    """A child without a process."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__("interpret", {}, Lines())
        self.failure = failure
        self.ended = asyncio.Event()
        self.how = ""

    async def run(self) -> None:
        """Until it is ended."""
        if self.failure is not None:
            raise self.failure
        await self.ended.wait()

    async def stop(self, timeout_s: float) -> None:
        """In time."""
        self.how = f"stopped within {timeout_s}"
        self.ended.set()

    async def kill(self) -> None:
        """At once."""
        self.how = "killed"
        self.ended.set()


@pytest.mark.parametrize("kill", [True, False])
async def test_they_end_together_and_what_they_shared_is_closed_once(*, kill: bool) -> None:
    """After the last of them has ended, also where it is said twice."""
    closed: list[str] = []
    children = [Quiet(), Quiet()]
    team = ChildTeam(children, lambda: closed.append("closed"))
    team.start()
    for _ in range(2):
        await (team.kill() if kill else team.stop(3))
    assert {child.how for child in children} == {"killed" if kill else "stopped within 3"}
    assert closed == ["closed"]
    assert team.failed() is None


async def test_one_that_is_not_started_again_is_known_and_the_others_go_on() -> None:
    """Whoever asks decides what becomes of them."""
    children = [Quiet(), Quiet(GaveUp("it died too often"))]
    team = ChildTeam(children)
    with pytest.raises(GaveUp):
        await asyncio.wait_for(team.run(), 60)
    assert isinstance(team.failed(), GaveUp)
    assert children[0].how == ""
    await team.stop(1)
