"""Who runs under a supervisor, as it sees them: a port, and the processes of a service alone with its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from receiver.service.admin import OFF, readiness
from receiver.service.process import Role
from receiver.service.team import ChildTeam
from receiver.service.watched_child import Child

INTERPRET_SHARE = 0.3
"""Of the shutdown time, kept for interpreting and publishing after the intake process has had its part."""


class Cast(Protocol):
    """The children of one service, whoever of them is there at the moment."""

    def children(self) -> Sequence[Child]:
        """Those that are there."""

    async def run(self) -> None:
        """Keep them running until ``drain``; raises why one of them is not started again."""

    async def drain(self, timeout_s: float) -> None:
        """Have them finish within ``timeout_s``: who takes callbacks before who interprets and publishes them."""

    def readiness(self) -> Mapping[str, Any]:
        """The body of ``/readyz``."""

    def metrics(self) -> bytes:
        """Figures that no child has, as exposition text; empty where there are none."""


class Alone:
    """One process of each kind, on a journal that nobody else holds."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._team = ChildTeam(children)
        self._by_role: dict[Role, Child] = {child.role: child for child in children}

    def children(self) -> Sequence[Child]:
        """All of them."""
        return self._team.children

    async def run(self) -> None:
        """Keep them running; raises ``GaveUp``."""
        await self._team.run()

    async def drain(self, timeout_s: float) -> None:
        """First who asks and takes, then who empties inbox and outbox."""
        rest_s = timeout_s * INTERPRET_SHARE
        asking = self._some("reconcile", "console")
        await asyncio.gather(
            self._by_role["intake"].stop(timeout_s - rest_s - 1), *(child.stop(rest_s) for child in asking)
        )
        await asyncio.gather(*(child.stop(rest_s) for child in self._some("interpret", "publish", "traces")))
        await self._team.ended()

    def readiness(self) -> Mapping[str, Any]:
        """What the processes said last."""
        roles: tuple[Role, ...] = ("intake", "interpret", "publish", "reconcile", "console")
        intake, interpret, publish, reconcile, console = (last_words(self._by_role.get(role)) for role in roles)
        starting = [child.role for child in self.children() if child.starting()]
        return readiness(intake, interpret, publish, reconcile, starting, console=console)

    def metrics(self) -> bytes:
        """All figures are the children's."""
        return b""

    def _some(self, *roles: Role) -> list[Child]:
        return [self._by_role[role] for role in roles if role in self._by_role]


def last_words(child: Child | None) -> Mapping[str, Any] | None:
    """What a child said last of itself: ``OFF`` where there is none, None where it is silent."""
    if child is None:
        return OFF
    report = child.report()
    return None if report is None else report.status
