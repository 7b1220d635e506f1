"""What a service does of it all, and what its part of ``/metrics`` is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from receiver.journal.slots import HeldSlot
from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings, build
from receiver.service.supervisor import Supervisor, need_role
from receiver.service.watched_child import Child, GaveUp, Report
from tests.support import Lines

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}


def settings(folder: Path, **tables: Any) -> Settings:
    """A configuration whose journal lies in a folder."""
    return build({"journal": {"url": f"sqlite:{folder}"}, "sources": [SOURCE], **tables}, "a file")


def test_a_part_of_a_service_needs_others_that_do_the_rest(tmp_path: Path) -> None:
    """On a journal in a folder nobody else can: said before anything starts, and so are several processes."""
    need_role(settings(tmp_path), "all")
    for role in ("intake", "worker"):
        with pytest.raises(ConfigurationError, match=f"--role {role} needs a journal that several services can share"):
            need_role(settings(tmp_path), role)
    with pytest.raises(ConfigurationError, match=r"server\.processes: more than one needs"):
        settings(tmp_path, server={"processes": 2})


class Reported(Child):
    """A child that has said something and needs no process."""

    def report(self) -> Report:
        """Give its last words."""
        return Report({}, b"# HELP seen_total x\n# TYPE seen_total counter\nseen_total 3.0\n", 0, 0.0)


class FakeCast:
    """Children that are always there."""

    def __init__(self, children: Sequence[Child], failure: Exception | None = None) -> None:
        self._children, self._failure = children, failure
        self.drained_s: list[float] = []
        self._drained = asyncio.Event()

    def children(self) -> Sequence[Child]:
        """Give them."""
        return self._children

    async def run(self) -> None:
        """Until drained, or until the failure."""
        if self._failure is not None:
            await asyncio.sleep(0.1)  # the admin listener is open by then, and closes in its own way
            raise self._failure
        await self._drained.wait()

    async def drain(self, timeout_s: float) -> None:
        """Note it."""
        self.drained_s.append(timeout_s)
        self._drained.set()

    def readiness(self) -> Mapping[str, Any]:
        """Nothing is wrong."""
        return {"ready": True}

    def metrics(self) -> bytes:
        """One figure that no child has."""
        return b"# HELP held x\n# TYPE held gauge\nheld 1.0\n"


def supervisor(folder: Path, cast: FakeCast, log: Lines) -> tuple[Supervisor, socket.socket]:
    """A supervisor of such a cast, and its admin listener."""
    admin = socket.create_server(("127.0.0.1", 0))
    admin.setblocking(False)
    return Supervisor(settings(folder), admin, cast, log), admin


def test_children_of_one_kind_are_told_apart_in_the_figures(tmp_path: Path) -> None:
    """By slot, by process, and not at all where there is one."""
    children = [
        Reported("reconcile", {}, Lines()),
        Reported("intake", {}, Lines(), number=1),
        Reported("intake", {}, Lines(), number=2),
        Reported("interpret", {}, Lines(), held=HeldSlot(0, 3)),
    ]
    made, admin = supervisor(tmp_path, FakeCast(children), Lines())
    with admin:
        text = made._metrics().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert [one.labels for one in families["seen"].samples] == [{}, {"process": "1"}, {"process": "2"}, {"slot": "0"}]
    up = {one.labels["role"] for one in families["receiver_process_up"].samples}
    assert up == {"reconcile", "intake.1", "intake.2", "interpret.0"}
    assert "held" in families


async def test_a_child_that_is_not_started_again_ends_the_service(tmp_path: Path) -> None:
    """Loudly, after the others have drained."""
    log = Lines()
    cast = FakeCast([], GaveUp("the intake process died 20 times within 60 s"))
    made, admin = supervisor(tmp_path, cast, log)
    closed: list[int] = []
    with admin:
        assert await asyncio.wait_for(made.run(lambda: closed.append(os.getpid())), 60) == 1
    assert log.named("serve.gave_up") == [{"why": "the intake process died 20 times within 60 s"}]
    assert len(cast.drained_s) == len(closed) == 1
