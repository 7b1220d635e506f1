"""``receiver journal`` for a journal on PostgreSQL: its slots, whose callbacks are where, and what cannot be done."""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from receiver.journal.options import EngineOptions
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import PostgresJournal, find_journal
from receiver.journal.postgres.schema import FORMAT
from receiver.journal.slots import first_record
from receiver.model.records import Position
from receiver.publish.routing import position_id
from receiver.sandbox.fakes import FakeKafka
from receiver.service import wiring
from tests.cli.desk import Desk
from tests.contract.journal.samples import batch, event
from tests.postgres_cluster import cluster, new_journal
from tests.support import ACCOUNT

SCHEMA = "of_command_tests"
COMMANDS = (
    ("journal", "slots"),
    ("journal", "slots", "2"),
    ("journal", "move", "0xpay", ACCOUNT, "0"),
    ("journal", "adopt"),
    ("journal", "rejoin", "--slot", "0"),
)
"""Those that need a journal to be there."""


def journal_at(desk: Desk, url: str, schema: str) -> None:
    """Have the configuration name a journal in a database, and a Kafka where nobody listens."""
    sources = desk.config.read_text("utf-8").partition("[[sources]]")[2]
    desk.config.write_text(
        f'[journal]\nurl = "{url}"\ndatabase_schema = "{schema}"\ncommit_timeout_s = 5\n'
        f'[kafka]\nbootstrap_servers = ["127.0.0.1:9"]\n[[sources]]{sources}',
        "utf-8",
    )


@dataclass(frozen=True)
class SharedDesk:
    """A desk whose journal is in a database, and what only a test does to it."""

    desk: Desk
    url: str
    options: EngineOptions

    @property
    def journal(self) -> PostgresJournal:
        """As a service has it."""
        return find_journal(Address.of(self.url, self.options))

    def execute(self, sql: str) -> None:
        """Change the tables by hand."""
        with closing(Database(Address.of(self.url, self.options), "test")) as database:
            database.execute(sql)

    @contextmanager
    def of_format(self, number: int) -> Iterator[None]:
        """Have the tables say for the body's time that they are of another format."""
        self.execute(f"UPDATE journal SET format = {number}")  # noqa: S608  our own number
        try:
            yield
        finally:
            self.execute(f"UPDATE journal SET format = {FORMAT}")  # noqa: S608

    def slot_of(self, account: str) -> int:
        """An account's slot, given now where it has none."""
        with closing(self.journal.accounts()) as accounts:
            return accounts.slot_of("0xpay", account)


@pytest.fixture
def shared(desk: Desk) -> Iterator[SharedDesk]:
    """With a new journal of one slot."""
    with new_journal(keep_sessions=True) as (url, options):
        journal_at(desk, url, options.schema)
        yield SharedDesk(desk, url, options)


@pytest.fixture
def bare(desk: Desk) -> Iterator[Desk]:
    """With a database that has no journal, in a schema of its own."""
    url = cluster()
    journal_at(desk, url, SCHEMA)
    yield desk
    with closing(Database(Address.of(url), "test")) as database:
        database.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def test_a_journal_is_made_and_only_gains_slots(bare: Desk) -> None:
    """By a command that may be repeated; what became of it is said each time."""
    out, err = bare.run("journal", "init")
    assert out.endswith(f" is made, in format {FORMAT}; it has 1 slot\n")
    assert err == ""
    assert "has format" in bare.run("journal", "init", "--slots", "3")[0]
    assert bare.run("journal", "init")[0].endswith("already; it has 3 slots\n")
    assert bare.run("journal", "slots", "1")[1].startswith("the journal has 3 slots")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--slots", "0"), "from 1 to 1024 slots, not 0"),
        (("--slots", "99999999999999999999"), "from 1 to 1024 slots, not 99999999999999999999"),
        (("--allow", "nobody_of_that_name"), 'role "nobody_of_that_name" does not exist'),
    ],
)
def test_a_journal_that_cannot_be_so_is_not_made(bare: Desk, options: tuple[str, ...], says: str) -> None:
    """Not in part either: the next command finds none."""
    said_once(bare.fails("journal", "init", *options), says)
    said_once(bare.fails("journal", "slots"), f"no journal in the schema {SCHEMA}")


def said_once(err: str, says: str) -> None:
    """What a command said is one sentence of our own, with these words."""
    assert err.startswith("receiver: ")
    assert err.count("\n") == 1
    assert says in err
    for odd in ("a bug", "Errno", "Error", "None"):
        assert odd not in err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_where_there_is_no_journal_yet_it_is_said_what_makes_it(bare: Desk, command: tuple[str, ...]) -> None:
    """And nothing else makes one."""
    said_once(bare.fails(*command), "`receiver journal init` makes it")
    said_once(bare.fails(*command), f"no journal in the schema {SCHEMA}")


def test_a_newer_format_is_left_alone(shared: SharedDesk) -> None:
    """By every command, also by the one that brings a journal to today's."""
    with shared.of_format(99):
        for command in (*COMMANDS, ("journal", "init")):
            said_once(shared.desk.fails(*command), f"format 99; this release reads up to {FORMAT}")


def test_an_older_format_is_brought_to_todays_by_one_command(shared: SharedDesk) -> None:
    """Which the others name."""
    with shared.of_format(FORMAT - 1):
        for command in COMMANDS:
            said_once(shared.desk.fails(*command), f"`receiver journal init` brings it to {FORMAT}")


WRONG_PLACES = {
    "postgresql://nobody@127.0.0.1:9/none": (1, "the database cannot be reached, Connection refused"),
    "postgresql://nobody@no-such-host.invalid/none": (1, "the name of the database's host leads to no address"),
    "postgresql://nobody@/none?host=/nowhere/at/all": (1, "the database's socket is not there"),
    "postgresql://nobody@127.0.0.1/none?sslmode=verify-full&sslrootcert=/nowhere/ca.pem": (
        1,
        "or a certificate that journal.url names",
    ),
    "postgresql://nobody:hunter2@127.0.0.1/none": (2, "give it as journal.password"),
    "postgresql://nobody@127.0.0.1/none?password=hunter2": (2, "give it as journal.password"),
    "postgresql://nobody@127.0.0.1:99999/none": (2, "names a port that is none: 127.0.0.1:99999"),
    "postgresql://nobody@127.0.0.1:port/none": (2, "names a port that is none: 127.0.0.1:port"),
    "postgresql://nobody@127.0.0.1": (2, "names no database"),
}


@pytest.mark.parametrize(("url", "code", "says"), [(url, *said) for url, said in WRONG_PLACES.items()])
def test_a_database_that_is_not_there_is_said_so_by_every_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, url: str, code: int, says: str
) -> None:
    """A fault of the configuration is exit 2; no password is shown."""
    resolve = socket.getaddrinfo

    def known(host: Any, *rest: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):  # a name server may also keep silent about it
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", known)
    journal_at(desk, url, "receiver")
    for command in (*COMMANDS, ("journal", "init")):
        err = desk.fails(*command, code=code)
        said_once(err, says)
        assert "hunter2" not in err


@pytest.mark.parametrize(("instead", "says"), [("nobody", 'role "nobody" does not exist'), ("", "no_such")])
def test_a_server_that_refuses_us_is_quoted(desk: Desk, instead: str, says: str) -> None:
    """Here it knows no such role, or no such database."""
    url = cluster()
    wrong = url.replace("ledger@", f"{instead}@") if instead else f"{url.rpartition('/')[0]}/no_such"
    assert wrong != url
    journal_at(desk, wrong, "receiver")
    for command in (*COMMANDS, ("journal", "init")):
        said_once(desk.fails(*command), says)


def test_slots_are_shown_with_who_has_them(shared: SharedDesk) -> None:
    """As a table or JSON: the holder, how long ago it was heard, and whose callbacks are there."""
    out, err = shared.desk.run("journal", "slots", "2")
    assert err == "the journal has 2 slots; accounts that are new go to the slot with the fewest\n"
    assert [line.split()[0] for line in out.splitlines()] == ["slot", "0", "1"]
    assert [shared.slot_of(name) for name in (ACCOUNT, "second", "third")] == [0, 1, 0]
    with closing(shared.journal.slots()) as slots:
        assert slots.take("a worker", 60, [1]) is not None
    first, second = shared.desk.lines("journal", "slots")
    assert 0 <= first.pop("lease_age_s") < 60
    assert first == {"slot": 0, "epoch": 1, "holder": "a worker", "accounts": [f"0xpay {ACCOUNT}", "0xpay third"]}
    assert second == {"slot": 1, "epoch": 0, "holder": None, "lease_age_s": None, "accounts": ["0xpay second"]}
    assert f"0xpay {ACCOUNT}; 0xpay third" in shared.desk.run("journal", "slots")[0]


def test_slots_are_never_taken_away(shared: SharedDesk) -> None:
    """Nor are there more than the numbers of their records allow."""
    assert "has 1 slot;" in shared.desk.run("journal", "slots", "1")[1]
    shared.desk.run("journal", "slots", "3")
    assert "has 3 slots;" in shared.desk.run("journal", "slots", "2")[1]
    for count in ("1025", "99999999999999999999"):
        said_once(shared.desk.fails("journal", "slots", count), f"from 1 to 1024 slots, not {count}")
    assert len(shared.desk.lines("journal", "slots")) == 3
    for count in ("0", "-1", "two"):
        shared.desk.fails("journal", "slots", count, code=2)


def test_an_account_is_moved_and_then_shown_there(shared: SharedDesk) -> None:
    """Back again too; a provider without accounts has one without a name."""
    shared.desk.run("journal", "slots", "2")
    assert shared.slot_of(ACCOUNT) == 0
    with closing(shared.journal.accounts()) as accounts:
        assert accounts.slot_of("onchainpay", "") == 1
    said = shared.desk.run("journal", "move", "0xpay", ACCOUNT, "1")
    assert said == ("", f"done: new callbacks of 0xpay {ACCOUNT} are in slot 1\n")
    said = shared.desk.run("journal", "move", "onchainpay", "", "0")
    assert said == ("", "done: new callbacks of onchainpay are in slot 0\n")
    assert [row["accounts"] for row in shared.desk.lines("journal", "slots")] == [["onchainpay"], [f"0xpay {ACCOUNT}"]]


def test_what_cannot_be_moved_stays(shared: SharedDesk) -> None:
    """An account that nobody heard of, a slot that is not there, and one that is no number."""
    for account in ("nobody", "no\x01body"):
        said_once(shared.desk.fails("journal", "move", "0xpay", account, "0"), "came yet: it has no slot")
    said_once(shared.desk.fails("journal", "move", "0xpay", "", "0"), "no callbacks of 0xpay account (none) came yet")
    assert shared.slot_of(ACCOUNT) == 0
    for slot in ("1", "4294967296", "99999999999999999999"):
        said_once(shared.desk.fails("journal", "move", "0xpay", ACCOUNT, slot), f"has no slot {slot};")
    for slot in ("-1", "first"):
        shared.desk.fails("journal", "move", "0xpay", ACCOUNT, slot, code=2)
    assert shared.slot_of(ACCOUNT) == 0


def test_an_account_stays_while_its_slot_is_behind(shared: SharedDesk) -> None:
    """First something in it is not interpreted, then something is not on Kafka; it is moved once both are done."""
    shared.desk.run("journal", "slots", "2")
    assert shared.slot_of(ACCOUNT) == 0
    move = ("journal", "move", "0xpay", ACCOUNT, "1")
    journal = shared.journal
    with closing(journal.part(0).requests(write=True)) as requests:
        requests.add("close", 1, {})
    said_once(shared.desk.fails(*move), "slot 0 is not interpreted to its end: nothing was moved; try again")
    shared.execute("DELETE FROM requests")
    with closing(journal.slots()) as slots:
        held = slots.take("a worker", 60, [1])
    assert held is not None
    with closing(PostgresJournal(journal.address, journal.journal_id, held=held).outbox(write=True)) as outbox:
        outbox.commit(batch([event(1)]))
        said_once(shared.desk.fails(*move), "slot 0 has events that are not on Kafka: nothing was moved; try again")
        assert shared.slot_of(ACCOUNT) == 0
        outbox.remember("a cluster", Position(1, "id-1"))
    shared.desk.run(*move)
    assert shared.slot_of(ACCOUNT) == 1


def test_a_database_that_counts_anew_is_adopted_once_no_service_runs(shared: SharedDesk) -> None:
    """As after a restore from a dump."""
    assert shared.desk.run("journal", "adopt") == ("", "nothing to do: numbers rise\n")
    shared.desk.take("0xpay-main", [b"junk"])
    shared.execute("UPDATE journal SET era = era - 1000000")
    with closing(shared.journal.crew()) as crew:
        crew.attend("a worker", 60)
        said_once(shared.desk.fails("journal", "adopt"), "a worker runs on the journal: stop all services first")
        crew.leave("a worker")
    out, err = shared.desk.run("journal", "adopt")
    assert (out, err.startswith("done: numbers rise again, in era ")) == ("", True)
    assert shared.desk.run("journal", "adopt")[1] == "nothing to do: numbers rise\n"


def test_a_slot_that_is_not_there_cannot_be_mended(shared: SharedDesk) -> None:
    """That is said before Kafka is asked; of one that is there, Kafka's silence is."""
    for slot in ("1", "99999999999999999999"):
        said_once(shared.desk.fails("journal", "rejoin", "--slot", slot), f"the journal has no slot {slot};")
    said_once(shared.desk.fails("journal", "rejoin", "--slot", "0"), "127.0.0.1:9 refuses connections")
    shared.desk.fails("journal", "rejoin", "--slot", "-1", code=2)


def test_a_slot_that_lost_its_newest_records_is_mended_with_their_numbers_named(
    shared: SharedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is changed: here Kafka remembers three records of slot 1, and holds none of them any more."""
    shared.desk.run("journal", "slots", "2")
    journal_id, first = shared.journal.journal_id, first_record(1)
    kafka = FakeKafka(positions={position_id(journal_id, 1): Position(first + 3, "id-3")})
    monkeypatch.setattr(wiring, "_open_kafka", lambda *_: kafka)
    checked, said = shared.desk.run("journal", "check", code=1)
    fault = f"Kafka has this journal's records up to {first + 3}, the outbox ends at {first}"
    assert checked.startswith(f"slot 1: {fault}: an older copy of the journal was restored")
    assert said.startswith("slot 0: Kafka has this journal's records up to 0, the outbox ends at 0; slot 1: ")
    other_slot = "they fit: nothing to do in slot 0; `--slot` names another\n"
    assert shared.desk.run("journal", "rejoin") == ("", other_slot)

    rejoin = ("journal", "rejoin", "--slot", "1")
    named = (
        f"our records up to {first} stay\n"
        f"Kafka no longer holds, and this journal never had: {first + 1} to {first + 3}\n"
        f"the relay goes on after record {first + 3}\n"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody answers, which is no yes
    out, err = shared.desk.run(*rejoin, code=130)
    assert out == named
    assert fault in err
    assert shared.desk.run(*rejoin, "--yes")[0] == named
    assert shared.desk.run(*rejoin) == ("", "they fit: nothing to do in slot 1; `--slot` names another\n")
    assert shared.desk.run("journal", "check")[0] == f"journal {journal_id}: sound\n"


def test_a_journal_in_a_folder_has_one_slot(desk: Desk) -> None:
    """And says what would have more."""
    text = desk.config.read_text("utf-8")
    desk.config.write_text(
        text.replace("[[sources]]", '[kafka]\nbootstrap_servers = ["127.0.0.1:9"]\n\n[[sources]]', 1), "utf-8"
    )
    for option in (("--slots", "2"), ("--allow", "somebody")):
        said_once(desk.fails("journal", "init", *option), "--slots and --allow are for PostgreSQL")
    said_once(desk.fails("journal", "slots"), "there is no journal in ")
    desk.run("journal", "init")
    assert [row["slot"] for row in desk.lines("journal", "slots")] == [0]
    assert "has 1 slot;" in desk.run("journal", "slots", "1")[1]
    several = "several need a journal on PostgreSQL"
    said_once(desk.fails("journal", "slots", "2"), several)
    said_once(desk.fails("journal", "move", "0xpay", ACCOUNT, "0"), several)
    said_once(
        desk.fails("journal", "rejoin", "--slot", "1"),
        f"there is no slot 1: a journal in a folder has one slot; {several}",
    )
    assert desk.run("journal", "adopt") == ("", "nothing to do: numbers rise\n")
