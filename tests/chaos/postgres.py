"""A PostgreSQL of a test's own that is stopped, torn down, started again, followed by a replica and replaced by it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from tests.chaos.service import until
from tests.ports import free_port

USER = "receiver"
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
wal_level = replica
max_wal_senders = 5
hot_standby = on
wal_retrieve_retry_interval = 500ms
log_min_messages = fatal
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """One that another user may reach, as whom a database runs; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="several-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: in the PATH, else where Debian has it; None where there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


@contextmanager
def two_servers(*, waited_for: bool) -> Iterator[tuple[Postgres, Postgres]]:
    """A PostgreSQL with fsync, and a replica of it, ``second``, that its commits wait for or do not.

    Skips the test where there is no PostgreSQL.
    """
    bin_ = programs()
    if bin_ is None:
        pytest.skip("PostgreSQL 14 or newer is needed: on Debian the package postgresql")
    with reachable_folder() as folder, Postgres(bin_, folder / "first") as first:
        first.make()
        first.start()
        with first.replica(folder / "second", "second") as second:
            if waited_for:
                first.wait_for("second")
            yield first, second


def _as_anybody() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Postgres:
    """One server, with fsync; stopped at the end, whatever state it is in."""

    def __init__(
        self, bin_: Path, folder: Path, port: int | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        """``folder`` is one that everybody may reach: pytest keeps its own from all but the tester, also in mid-run.

        ``environ`` are more variables for the server.
        """
        self._bin, self.folder = bin_, folder
        self._environ = {**os.environ, **(environ or {})}
        self.data = folder / "data"
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._who = _as_anybody()
        if self._who:
            os.chown(folder, self._who["user"], self._who["group"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")

    @property
    def url(self) -> str:
        """What ``journal.url`` is."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Make its folder."""
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION)
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host replication all 127.0.0.1/32 trust\n")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-o", f"-p {self.port}", "-l", f"{self.folder}/log", "-w", "start")
        until(self.answers)

    def stop(self, mode: str = "fast") -> None:
        """Stop it, ``immediate`` as by a crash; nothing where it does not run."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop", check=False)

    def promote(self) -> None:
        """Have a replica take writes."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def follower(self, made: Postgres, name: str) -> None:
        """Have another server follow this one from now on, under a name that this one may wait for; it is started.

        Whatever it had is deleted.
        """
        shutil.rmtree(made.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={self.port} user={USER} application_name={name}"
        self._run("pg_basebackup", "-d", source, "-D", str(made.data), "-R", "-X", "stream", "-c", "fast")
        with (made.data / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{source}'\nsynchronous_standby_names = ''\n")
        made.start()

    def replica(self, folder: Path, name: str) -> Postgres:
        """Give a new server that follows this one from now on, under a name that this one may wait for."""
        made = Postgres(self._bin, folder)
        self.follower(made, name)
        return made

    def wait_for(self, name: str) -> None:
        """Have each commit wait for the replica of that name; returns once they do."""
        self.run(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.run("SELECT pg_reload_conf()")
        self.wait_for_replica(name)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """One statement as its owner, and its rows; one that is just recovering is waited for."""
        return self.run_in("postgres", sql)

    def run_in(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """The same in another of its databases than the journal's; a crash in the middle has it done once more."""
        for last in (False, False, True):
            with contextlib.suppress(*(() if last else (psycopg.OperationalError,))), self.session(database) as session:
                found = session.execute(sql.encode())
                return found.fetchall() if found.description else []
            time.sleep(1)  # a server whose session died takes a moment to notice, and still answers others meanwhile
        raise AssertionError

    def session(self, database: str) -> psycopg.Connection[Any]:
        """One with a database, each statement a transaction of its own, as soon as the server answers."""
        found: psycopg.Connection[Any] = until(lambda: self._connected(self.url_of(database), timeout_s=5))
        return found

    def answers(self) -> bool:
        """Whether it takes connections."""
        found = self._connected(self.url, timeout_s=2)
        if found is not None:
            found.close()
        return found is not None

    @staticmethod
    def _connected(url: str, timeout_s: int) -> psycopg.Connection[Any] | None:
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=timeout_s)
        except psycopg.OperationalError:
            return None

    def follow_nobody(self) -> None:
        """Have a replica hear nothing more of its primary: what is committed from now on it does not have."""
        self.run("ALTER SYSTEM SET primary_conninfo = ''")
        self.run("SELECT pg_reload_conf()")
        until(lambda: not self.run("SELECT pid FROM pg_stat_wal_receiver"))

    def wait_for_replica(self, name: str) -> None:
        """Until commits wait for it."""
        asked = f"SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}'"  # noqa: S608
        until(lambda: self.run(asked) == [("sync",)])

    def kill_sessions(self, name: str) -> int:
        """Kill the server's processes of such sessions, by SIGKILL; all others go too, as after any such death."""
        asked = f"SELECT pid FROM pg_stat_activity WHERE application_name LIKE '{name}'"  # noqa: S608
        found = [int(pid) for (pid,) in self.run(asked)]
        for pid in found[:1]:
            os.kill(pid, 9)
        time.sleep(0.05)
        return len(found)

    def signal(self, number: int) -> None:
        """Send one to all of its processes: the first of them, which would start others, before the rest."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [str(self._bin / program), *arguments]
        # Not to a pipe: a server that is started would hold it open.
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                **self._who,
            )
        said = (self.folder / "programs.log").read_text(errors="replace")[-2000:]
        assert done.returncode == 0 or not check, f"{program}: {said}"
