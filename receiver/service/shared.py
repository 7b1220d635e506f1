"""The processes of a service on a journal that several share: those that take callbacks, and those of its slots.

Each slot that this service holds has an interpret process and, with Kafka, a publish process; a reconcile process where
a source has ``poll``, and a traces process where traces are told, since both follow the outbox, which is in order only
within a slot. They are given the slot and its epoch, and are started again with both for as long as the slot is ours.
What one service does for all runs where the lease of its name is ours.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.journal.handle import Journal
from receiver.journal.slots import KEEPER, HeldSlot
from receiver.model.log import Log
from receiver.service.admin import OFF
from receiver.service.cast import INTERPRET_SHARE, last_words
from receiver.service.config.polls import polled
from receiver.service.config.settings import Settings
from receiver.service.deaths import note_death
from receiver.service.own_secrets import foreign_variables
from receiver.service.pipes import close_all, wake_pipe
from receiver.service.process import FENCED_EXIT, Role, ServeRole
from receiver.service.shared_readiness import Said, Shared, shared_readiness, shared_text
from receiver.service.slot_holder import SlotHolder
from receiver.service.team import ChildTeam
from receiver.service.watched_child import Child


@dataclass(frozen=True, slots=True)
class Ties:
    """What the children of a service inherit from it."""

    configuration: int
    """Descriptor of the configuration, as ``passed_on`` wrote it."""
    listener: int | None
    """Descriptor of the public listener; None where no callbacks are taken."""
    console: int | None = None
    """Descriptor of the console's listener; None where there is no console."""


class SharedCast:
    """``cast.Cast`` of such a service."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        settings: Settings,
        role: ServeRole,
        journal: Journal,
        journal_of: Callable[[HeldSlot], Journal],
        ties: Ties,
        *,
        log: Log,
        lease_s: float,
    ) -> None:
        """``journal`` is all of it, ``journal_of`` gives the part that is in a slot."""
        self._settings, self._role, self._log = settings, role, log
        self._journal_of = journal_of
        self._ties = ties
        self._intakes = [self._intake(number) for number in self._intake_numbers()]
        self._console = [] if ties.console is None else [self._child("console", {"listener": ties.console})]
        self._own = ChildTeam([*self._intakes, *self._console])
        self.holder = SlotHolder(
            open_slots=journal.slots,
            open_crew=journal.crew,
            holder=str(uuid.uuid4()),
            lease_s=lease_s,
            team_of=self._team_of,
            leased=self._leased(),
            log=log,
            takes=role != "intake",
        )

    def children(self) -> Sequence[Child]:
        """Those of slots and leases come and go."""
        teams = (*self.holder.held.values(), *self.holder.leases.values())
        return [*self._own.children, *(child for team in teams for child in _children(team))]

    async def run(self) -> None:
        """Take callbacks, and hold slots; raises ``GaveUp``."""
        works = [asyncio.create_task(self.holder.run())]
        if self._own.children:
            works.append(asyncio.create_task(self._own.run()))
        done, rest = await asyncio.wait(works, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            failed = task.exception()
            if failed is not None:
                for left in rest:  # ``drain`` ends them, and nobody waits for these then
                    left.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
                raise failed

    async def drain(self, timeout_s: float) -> None:
        """First who takes callbacks, then who interprets and publishes them; then all slots are free."""
        rest_s = timeout_s * INTERPRET_SHARE if self._own.children else timeout_s - 1
        if self._own.children:
            await self._own.stop(timeout_s - rest_s - 1)
        await self.holder.stop(rest_s)

    def readiness(self) -> Mapping[str, Any]:
        """How the journal's slots are, and this service's part."""
        return shared_readiness(self._seen())

    def metrics(self) -> bytes:
        """How the slots are."""
        return shared_text(self._seen())

    def _seen(self) -> Shared:
        seen = self.holder.seen
        reconciling = [child for child in self.children() if child.role == "reconcile"]
        return Shared(
            role=self._role,
            slots=seen.slots,
            held={held.slot: _said(held, _children(team)) for held, team in self.holder.held.items()},
            asked=seen.asked,
            trouble=seen.trouble,
            lease_s=self.holder.lease_s,
            kafka=self._settings.kafka is not None,
            intakes=[last_words(child) for child in self._intakes],
            console=last_words(self._console[0]) if self._console else OFF,
            reconciling=[last_words(child) for child in reconciling],
            horizon_age_s=seen.horizon_age_s,
            in_no_part=seen.in_no_part,
            takeovers=seen.takeovers,
            lost=seen.lost,
        )

    def _intake_numbers(self) -> list[int | None]:
        if self._role == "worker":
            return []
        count = self._settings.server.processes
        return [None] if count == 1 else list(range(1, count + 1))

    def _intake(self, number: int | None) -> Child:
        assert self._ties.listener is not None, "who takes callbacks listens"  # noqa: S101
        return self._child("intake", {"listener": self._ties.listener}, number=number)

    def _child(self, role: Role, descriptors: Mapping[str, int], **told: Any) -> Child:
        shared = {"configuration": self._ties.configuration}
        hidden = foreign_variables(self._settings, role)
        return Child(role, {**shared, **descriptors}, self._log, hidden=hidden, **told)

    def _team_of(self, held: HeldSlot) -> ChildTeam:
        ends = wake_pipe()
        publish_wake, interpret_wakes = ends

        def died(code: int) -> None:
            if code == FENCED_EXIT:
                self.holder.look()
            else:
                note_death(self._journal_of(held), code, self._log)

        def fenced(code: int) -> None:
            if code == FENCED_EXIT:
                self.holder.look()

        children = [self._child("interpret", {"wakes": interpret_wakes}, on_death=died, held=held)]
        if self._settings.kafka is not None:
            children.append(self._child("publish", {"wake": publish_wake}, on_death=fenced, held=held))
        if polled(self._settings):
            children.append(self._child("reconcile", {}, held=held))
        if self._settings.traces.endpoint is not None:
            children.append(self._child("traces", {}, held=held))
        return ChildTeam(children, lambda: close_all(ends))

    def _leased(self) -> dict[str, Callable[[], ChildTeam]]:
        return {} if self._role == "intake" else {KEEPER: lambda: ChildTeam([self._child("keep", {})])}


def _children(team: Any) -> Sequence[Child]:
    found: Sequence[Child] = team.children
    return found


def _said(held: HeldSlot, children: Sequence[Child]) -> Said:
    by_role = {child.role: child for child in children}
    return Said(held.epoch, last_words(by_role.get("interpret")), last_words(by_role.get("publish")))
