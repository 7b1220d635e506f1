"""The engines that the suite runs over: a journal of each, and what another process would have of the same journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from receiver.journal.engines import find_journal, hold_journal, open_runs
from receiver.journal.handle import Journal
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.memory.requests import MemoryRuns
from receiver.journal.ports import Outbox, Requests, Runs
from receiver.journal.postgres.erase import STAYS_IN
from receiver.journal.sealed import Keyring, read_key
from tests.kept_sessions import kept_sessions
from tests.postgres_cluster import new_journal

KEY = bytes(range(32)).hex().encode()


@dataclass(frozen=True)
class Made:
    """A new journal."""

    journal: Journal
    another: Callable[[], Journal]
    """A second handle on it, as another process would have one."""
    runs: Callable[[], Runs]
    """A handle on the runs of replay beside it."""
    writers: int = 1
    """How many processes may append to its inbox at the same time."""
    dense: bool = True
    """Whether callbacks are numbered 1, 2, 3, as they are where only one process appends."""
    bytes_stay_in: tuple[str, ...] = ()
    """Where what was erased stands a while longer."""
    copies: bool = True
    """Whether it can be backed up by us."""


@contextmanager
def in_memory(_: Path) -> Iterator[Made]:
    """Whoever opens it has the same object."""
    journal, runs = MemoryJournal(), MemoryRuns()
    yield Made(journal, lambda: journal, lambda: runs, copies=False)


def by_url(
    pattern: str, writers: int = 1, keys: Sequence[bytes] = ()
) -> Callable[[Path], AbstractContextManager[Made]]:
    """An engine that ``journal.url`` can name; ``{folder}`` in the pattern is one of the test's own."""

    @contextmanager
    def made(folder: Path) -> Iterator[Made]:
        url = pattern.format(folder=folder)

        def ring() -> Keyring:
            return Keyring(map(read_key, keys))

        with hold_journal(url, keys=ring()) as (journal, _):
            yield Made(journal, lambda: find_journal(url, ring()), lambda: open_runs(url), writers)

    return made


def on_postgres(keys: Sequence[bytes] = ()) -> Callable[[Path], AbstractContextManager[Made]]:
    """A schema of its own in the cluster that all tests of a worker share, and sessions that they pass on."""

    @contextmanager
    def made(_: Path) -> Iterator[Made]:
        ring = partial(map, read_key, keys)
        with (
            kept_sessions(),
            new_journal() as (url, options),
            hold_journal(url, keys=Keyring(ring()), options=options) as (journal, _descriptor),
        ):
            yield Made(
                journal,
                lambda: find_journal(url, Keyring(ring()), options),
                lambda: open_runs(url, options),
                writers=3,
                dense=False,
                bytes_stay_in=(STAYS_IN,),
                copies=False,
            )

    return made


ENGINES: dict[str, Callable[[Path], AbstractContextManager[Made]]] = {
    "memory": in_memory,
    "sqlite": by_url("sqlite:{folder}/journal"),
    "sealed": by_url("sqlite:{folder}/sealed", keys=[KEY]),
    "postgres": on_postgres(),
    "postgres sealed": on_postgres(keys=[KEY]),
}
"""Another engine is another line here."""


@pytest.fixture(params=ENGINES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """A new journal of each engine, with the ways to open it again."""
    with ENGINES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def journal(made: Made) -> Journal:
    """A new journal of each engine."""
    return made.journal


@pytest.fixture
def outbox(journal: Journal) -> Iterator[Outbox]:
    """Its outbox, to write."""
    store = journal.outbox(write=True)
    yield store
    store.close()


@pytest.fixture
def requests(journal: Journal) -> Iterator[Requests]:
    """Its requests, to write."""
    store = journal.requests(write=True)
    yield store
    store.close()
