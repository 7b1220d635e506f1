"""The engines that the suite runs over: a journal of each, and what another process would have of the same journal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest

from receiver.journal.engines import find_journal, hold_journal, open_runs
from receiver.journal.handle import Journal
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.memory.requests import MemoryRuns
from receiver.journal.ports import Outbox, Requests, Runs
from receiver.journal.postgres.erase import STAYS_IN
from receiver.journal.sealed import Keyring, read_key
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


def in_a_folder(name: str, keys: Sequence[bytes] = ()) -> Callable[[Path], AbstractContextManager[Made]]:
    """SQLite's files; each test has those of a journal that was made once, which is cheaper than to make them."""

    def ring() -> Keyring:
        return Keyring(map(read_key, keys))

    @cache
    def just_made() -> Mapping[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            with hold_journal(f"sqlite:{folder}/{name}", keys=ring()):
                pass
            return {file.name: file.read_bytes() for file in Path(folder, name).iterdir()}

    @contextmanager
    def made(folder: Path) -> Iterator[Made]:
        place = folder / name
        place.mkdir(mode=0o700)
        for file, content in just_made().items():
            (place / file).touch(mode=0o600)
            (place / file).write_bytes(content)
        url = f"sqlite:{place}"
        with hold_journal(url, keys=ring()) as (journal, _):
            yield Made(journal, lambda: find_journal(url, ring()), lambda: open_runs(url))

    return made


def on_postgres(keys: Sequence[bytes] = ()) -> Callable[[Path], AbstractContextManager[Made]]:
    """A schema of its own in the cluster that all tests of a worker share, and sessions that they pass on."""

    @contextmanager
    def made(_: Path) -> Iterator[Made]:
        ring = partial(map, read_key, keys)
        with (
            new_journal(keep_sessions=True) as (url, options),
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
    "sqlite": in_a_folder("journal"),
    "sealed": in_a_folder("sealed", keys=[KEY]),
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
