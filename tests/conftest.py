"""A real Kafka broker for the run. Where it cannot be had the tests that need it fail and say why; none is skipped."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Iterator

import pytest
from kafka_local import LocalKafka, missing

from tests.shared_broker import SharedBroker

collect_ignore = ["providers/example_provider"]
"""A package of its own, with tests of its own: ``tests/providers/test_plug_in.py`` installs it and runs them."""
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
BROKER = pytest.StashKey[SharedBroker]()
_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the broker: `-m "not kafka"` is then whatever needs neither Java nor Maven."""
    for item in items:
        given = getattr(item, "callspec", None)  # a parameter may have that name too
        if "kafka" in getattr(item, "fixturenames", ()) and "kafka" not in getattr(given, "params", ()):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalKafka:
    """One broker, started once for all workers of the run."""
    faults = missing()
    if faults:
        pytest.fail(" ".join(faults))
    base = tmp_path_factory.getbasetemp()
    broker = SharedBroker((base.parent if WORKER else base) / "kafka")
    request.config.stash[BROKER] = broker
    return broker.join()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the broker. Not in the fixture: to wait for other workers is nothing that a test's time limit is for."""
    broker = session.config.stash.get(BROKER, None)
    if broker is not None:
        broker.leave()


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let what the tests start be stopped by SIGINT: a shell starts what runs in its background deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_left_over(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what a Kafka test leaves behind, at its own end.

    A fenced producer of the client holds futures that complain when they are collected, which must not happen in the
    middle of another test: seen, inside the interpreter's parser, which fails on it (CPython 3.11).
    """
    yield
    if request.node.get_closest_marker("kafka") is not None:
        gc.collect()


@pytest.fixture
def prefix() -> str:
    """A topic prefix of the test's own, so that tests share a broker and nothing else."""
    return f"{WORKER}t{next(_numbers)}."
