"""Real Kafka brokers for the run. Where they cannot be had what needs them fails and says why; nothing is skipped."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from kafka_local import LocalKafka, missing
from xdist.dsession import Producer

from tests import postgres_cluster, process_state
from tests.again import LACKING
from tests.scheduling import ForgetfulScheduling
from tests.shared_broker import ShareBroker, SharedBroker, leave_all

collect_ignore = ["providers/example_provider"]
"""A package of its own, with tests of its own: ``tests/providers/test_plug_in.py`` installs it and runs them."""
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
BROKERS = pytest.StashKey[list[SharedBroker]]()
NOT_FOR_LACK_OF_A_TOOL = ("needs root", "every port is everybody's", "no OpenTelemetry collector is here")
"""How the reasons begin for which a test may be skipped also in CI: they are about the user and the kernel, and about a
program that takes minutes to build, of which all that is asked is asked of a stand-in too."""
KINDS = ("service", "kafka", "tools")
"""Marks of tests that mostly take longer than others."""
_numbers = itertools.count(1)
_before: list[process_state.State] = []
"""How the process was before the test that runs; pytest runs some within others."""


def pytest_configure(config: pytest.Config) -> None:
    """Start what the tests start quickly.

    Java has its quick compiler alone: a broker of the tests is over before the thorough one has paid off. Python keeps
    what it compiled, also where the environment is one of a container's build: else each process compiles our modules,
    and each worker rewrites the assertions of all tests. No time is set to an input of hypothesis': on a busy machine
    any of them takes a second now and then.
    """
    settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    config.stash[BROKERS] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ForgetfulScheduling | None:
    """Hand out groups as pytest-xdist does, at less cost; any other way of handing out is its own."""
    return ForgetfulScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what is collected here: it stays to the end, and would be looked through again.

    There are thousands of tests, and each look through all that is known of them takes a part of a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark what asks for a broker; in the end begin with what takes long, so that no worker is left with it alone.

    `-m "not kafka"` is then whatever needs neither Java nor Maven. Tests that are alike in that stay in their order,
    which is a random one. What the tests of a module share is made once: one worker takes all that ask for it.
    """
    for item in items:
        given = getattr(item, "callspec", None)  # a parameter may have that name too
        if "share_broker" in getattr(item, "fixturenames", ()) and "kafka" not in getattr(given, "params", ()):
            item.add_marker(pytest.mark.kafka)
        if any(shared[-1].scope == "module" for shared in _fixtures_of(item).values()):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    yield
    items.sort(key=lambda item: (-_length_s(item), *(item.get_closest_marker(mark) is None for mark in KINDS)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail where groups are marked and not kept: each worker would then make what a module shares once more.

    Let what the tests start be stopped by SIGINT: a shell starts what runs in its background deaf to it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if WORKER and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("this pytest-xdist does not put tests into groups with this pytest")


def _length_s(item: pytest.Item) -> int:
    mark = item.get_closest_marker("long")
    return 0 if mark is None else int(mark.kwargs.get("seconds", 10))


def _fixtures_of(item: pytest.Item) -> Mapping[str, Sequence[pytest.FixtureDef[Any]]]:
    return item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Keep how the process was before the test."""
    _before.append(process_state.state())
    try:
        return (yield)
    finally:
        _before.pop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Fail who has changed the process for the tests after it; only the first of them is told."""
    done = yield
    changed = process_state.changes(_before[-1])
    assert not changed, f"the test left the process another than it was: {'; '.join(changed)}"
    return done


@pytest.fixture(scope="session")
def share_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ShareBroker:
    """Give the broker of a name, started once for all workers of the run."""

    def share(name: str, **options: Any) -> LocalKafka:
        faults = missing()
        if faults:
            pytest.fail(" ".join(faults))
        base = tmp_path_factory.getbasetemp()
        broker = SharedBroker((base.parent if WORKER else base) / name, **options)
        request.config.stash[BROKERS].append(broker)
        return broker.join()

    return share


@pytest.fixture(scope="session")
def kafka(share_broker: ShareBroker) -> LocalKafka:
    """The broker that nearly all tests share."""
    return share_broker("kafka")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the brokers. Not in the fixture: to wait for other workers is nothing that a test's time limit is for.

    In CI what was skipped for lack of a tool counts as a failure: else it is never run, and nobody notices.
    """
    joined = session.config.stash[BROKERS]
    leave_all(joined)
    postgres_cluster.stop()
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and terminal is not None:
        reasons = [str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminal.stats.get("skipped", ())]
        lacking = [reason for reason in reasons if not reason.startswith(NOT_FOR_LACK_OF_A_TOOL)]
        if session.config.cache is not None:
            session.config.cache.set(LACKING, lacking)
        if lacking and session.exitstatus == pytest.ExitCode.OK:
            terminal.write_line("CI=true: what was skipped for lack of a tool counts as a failure", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


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


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions to an index may take as long as a busy machine needs; rows and bytes stay limited."""
    for module in ("postings", "finder"):
        monkeypatch.setattr(f"receiver.journal.{module}.BUDGET_MS", 600_000)
