"""What the tests of the public listener share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.intake.door import Door, open_door
from tests.support import Way


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """The application on a real socket."""
    async with open_door(Way(body_bytes_max=4096)) as opened:
        yield opened


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Connections are tested on both loops: tests run on the first, the service on the second.

    They differ in what the end of a stream does.
    """
    both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return both if item.path.stem == "test_connection" else {"asyncio": both["asyncio"]}
