"""A real Kafka broker for the session. Where Java or Maven is missing the tests fail and say so; none is skipped."""

from __future__ import annotations

import gc
import itertools
import signal
from collections.abc import Iterator

import pytest
from kafka_local import LocalKafka, missing, running

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One broker, started once."""
    faults = missing()
    if faults:
        pytest.fail(" ".join(faults))
    with running(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


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
    return f"t{next(_numbers)}."
