"""The one door to all processes: every role has a module that makes its part, and each part is asked alike."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import get_args

import pytest

from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.private import make_folder
from receiver.model.errors import ConfigurationError
from receiver.service import logs
from receiver.service.config.settings import build
from receiver.service.listen import listen
from receiver.service.process import ProcessContext, Role, make_process

NEED_SECRETS: tuple[Role, ...] = ("intake", "reconcile", "console")
"""Those that use a source's secrets, and so are told when one is not there; see ``own_secrets``."""
KEY = {"public": "env:KEY", "secret": "env:KEY"}


def context(folder: Path, **tables: object) -> ProcessContext:
    """What a process is made from, on a new journal."""
    make_folder(folder)
    source = {"name": "swaps", "provider": "onchainpay", "keys": [KEY], "poll": {}}
    settings = build({"journal": {"url": f"sqlite:{folder}"}, "sources": [source], **tables}, "here")
    listener = listen("127.0.0.1", 0, "server")
    return ProcessContext(settings, {**os.environ, "KEY": "x"}, open_journal(folder), logs.get(), listener=listener)


@pytest.mark.parametrize("role", get_args(Role))
async def test_every_role_is_made_run_asked_and_stopped_alike(role: Role, tmp_path: Path) -> None:
    """As the supervisor's child and ``receiver dev`` do it."""
    traces = {"endpoint": "http://127.0.0.1:9/v1/traces"}
    made = context(tmp_path / "journal", kafka={"bootstrap_servers": ["127.0.0.1:9"]}, traces=traces)
    part = make_process(role, made)
    running = asyncio.create_task(part.run())
    await asyncio.sleep(0.05)
    part.wake()
    part.reload(made.environ)
    assert isinstance(part.status(), dict)
    assert b"# TYPE receiver_" in part.metrics()
    if role in NEED_SECRETS:
        with pytest.raises(ConfigurationError):
            part.reload({})
    else:
        part.reload({})
    part.stop()
    async with asyncio.timeout(60):
        await running
    if made.listener is not None:
        made.listener.close()


def test_a_process_that_cannot_be_says_why(tmp_path: Path) -> None:
    """No Kafka to publish to, or a secret that is not there."""
    made = context(tmp_path / "journal")
    with made.listener or pytest.fail("no listener"):
        with pytest.raises(ConfigurationError, match="there is no"):
            make_process("publish", made)
        for role in (*NEED_SECRETS, "publish"):
            with pytest.raises(ConfigurationError, match=r"KEY|\[kafka\]"):
                make_process(role, ProcessContext(made.settings, {}, made.journal, made.log, listener=made.listener))
        with pytest.raises(ValueError, match="listener"):
            make_process("intake", ProcessContext(made.settings, made.environ, made.journal, made.log))
