"""The house rules that are tests: who may import whom, what is pure, and how large a piece may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
ROOMS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "model",
        "providers journal",
        "intake interpret publish reconcile trace",
        "operate",
        "console",
        "service",
        "sandbox",
        "cli",
        "__main__",
    )
)
"""From the ground up. A room uses rooms of lower floors, and none beside it."""
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
DRIVERS = {
    "apsw": "journal/sqlite",
    "asyncpg": "journal/postgres",
    "aiokafka": "publish/kafka",
    "uvicorn": "intake",
    "click": "cli",
    "opentelemetry": "trace/otlp.py",
    "jinja2": "console",
    "markupsafe": "console",
    "sse_starlette": "console",
    "itsdangerous": "console",
}
"""Driver → the only folder, or module, that imports it."""
PURE = (
    "model",
    "providers",
    "intake/admit.py",
    "intake/after_upgrade.py",
    "intake/canned.py",
    "intake/deadlines.py",
    "intake/framing.py",
    "intake/limits.py",
    "intake/peers.py",
    "intake/proxy_header.py",
    "intake/wrong_protocol.py",
    "interpret/lifecycle.py",
    "interpret/meaning.py",
    "interpret/outbox_batch.py",
    "interpret/poison.py",
    "interpret/status_event.py",
    "journal/entries.py",
    "journal/index.py",
    "journal/index_rows.py",
    "journal/options.py",
    "journal/outbox_values.py",
    "journal/parts.py",
    "journal/ports.py",
    "journal/postgres/address.py",
    "journal/postgres/text.py",
    "journal/postings.py",
    "journal/quarantine_groups.py",
    "journal/slots.py",
    "journal/terms.py",
    "journal/watchlist.py",
    "publish/position.py",
    "publish/refused.py",
    "publish/relay_state.py",
    "publish/routing.py",
    "reconcile/follow_outbox.py",
    "reconcile/pacing.py",
    "trace/spans.py",
)
IMPURE = {"asyncio", "os", "socket", "time", "logging", "threading", "subprocess", "pathlib", "random", "structlog"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50

pytestmark = pytest.mark.xdist_group("test_layout")
"""One worker has all of them, which parses each file once."""

MODULES = sorted((ROOT / "receiver").rglob("*.py"))
FILES = [*MODULES, *(path for place in ("schemas", "docs", "tests") for path in sorted((ROOT / place).rglob("*.py")))]


class Facts(NamedTuple):
    """What the rules ask of a file: no tree of it is kept, since there are many."""

    lines: int
    imports: frozenset[str]
    """Every module that it imports, dotted; ``from receiver import x`` counts as ``receiver.x``."""
    functions: tuple[tuple[str, int], ...]
    """(name, lines below the first) of each."""
    calls: tuple[int, ...]
    """The lines of bare calls at its top."""


def statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Give them all, and those within them: expressions, most of a tree, hold neither imports nor functions."""
    for statement in body:
        yield statement
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(statement, part, ()))


@cache
def facts(path: Path) -> Facts:
    """Read a file, once."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    imported, functions = set(), []
    for node in statements(tree.body):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append((node.name, (node.end_lineno or 0) - node.lineno))
    calls = [node.lineno for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return Facts(len(text.splitlines()), frozenset(imported), tuple(functions), tuple(calls))


def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports."""
    return facts(path).imports


def within(path: Path) -> str:
    """A module's place in ``receiver``."""
    return path.relative_to(ROOT / "receiver").as_posix()


def room(path: Path) -> str:
    """The folder of ``receiver`` that a file stands in."""
    return path.relative_to(ROOT / "receiver").parts[0].removesuffix(".py")


def test_arrows_point_down() -> None:
    """A room imports rooms of lower floors, never one beside it or above; a driver has one folder."""
    wrong = []
    for path in MODULES:
        mine, inside = room(path), within(path)
        for name in imports(path):
            head, _, rest = name.partition(".")
            theirs = rest.partition(".")[0]
            if head == "receiver" and theirs in FLOOR and theirs != mine and mine in FLOOR:
                wrong += [] if FLOOR[theirs] < FLOOR[mine] else [f"{inside} imports {name}"]
            if head in DRIVERS:
                wrong += [] if inside.startswith(DRIVERS[head]) else [f"{inside} imports {head}"]
    assert wrong == []


def test_every_room_has_its_floor() -> None:
    """A new room is put on its floor, or this fails."""
    assert {room(path) for path in MODULES} - {"__init__"} == set(FLOOR)


def test_providers_do_not_know_each_other() -> None:
    """A provider never imports another."""
    slugs = {path.name for path in (ROOT / "receiver/providers").iterdir() if path.is_dir()} - {"__pycache__"}
    for slug in slugs:
        for path in (ROOT / "receiver/providers" / slug).glob("*.py"):
            known = {name.split(".")[2] for name in imports(path) if name.startswith("receiver.providers.")}
            assert known & slugs <= {slug}, path


OF_PROVIDERS = re.compile(
    r"0xpay|oxpay|zeroxpay|onchainpay|apollopayment|calypso|crypto_?exchange(?!_withdraw)"
    r"|merchant-id|x-api-|eventType|payoutStatus|organizationId|cardNumber",
    re.IGNORECASE,
)
"""Providers' names and slugs, and words that only their headers and bodies have. Our own kind of an operation,
``crypto_exchange_withdraw``, is none of them."""


def test_nothing_outside_providers_names_a_provider() -> None:
    """What is known of a provider stands in its folder, or in its package: another one needs no change elsewhere."""
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "receiver").rglob("*"))
        if path.suffix in {".py", ".sql"} and room(path) != "providers"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if OF_PROVIDERS.search(line)
    ]
    assert named == []


def test_the_core_is_pure() -> None:
    """No clock, file, socket, thread, environment or event loop in what decides."""
    core = [path for path in MODULES if within(path).startswith(PURE)]
    used = {within(path): {name.partition(".")[0] for name in imports(path)} & IMPURE for path in core}
    assert {inside: names for inside, names in used.items() if names} == {}


def test_the_events_are_importable_alone() -> None:
    """A consumer takes ``exchange_events`` without the service."""
    for path in (ROOT / "schemas/exchange_events").glob("*.py"):
        assert not {name for name in imports(path) if name.partition(".")[0] == "receiver"}, path.name


def test_files_and_functions_are_small_enough_to_see_whole() -> None:
    """Files up to 400 lines, functions up to 50."""
    large = []
    for path in FILES:
        found, inside = facts(path), path.relative_to(ROOT)
        large += [f"{inside}: {found.lines} lines"] if found.lines > FILE_LINES_MAX else []
        large += [f"{inside}: {name}" for name, below in found.functions if below >= FUNCTION_LINES_MAX]
    assert large == []


def test_nothing_happens_on_import() -> None:
    """No module connects, reads the environment or starts a thread when it is imported: no bare call at its top."""
    for path in (path for path in MODULES if path.stem != "__main__"):
        assert not facts(path).calls, f"{path.name} calls something on import, in these lines: {facts(path).calls}"


def module(path: Path) -> str:
    """A file's dotted name; a package's is that of its folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_is_dead() -> None:
    """Each is imported by another one, or is where something outside begins: a process, a command, an entry point."""
    used = set().union(*(imports(path) for path in MODULES))
    outside = (ROOT / "pyproject.toml").read_text("utf-8")
    tables = (ROOT / "receiver/cli/main.py").read_text("utf-8")
    for path in MODULES:
        name = module(path)
        begins = name in outside or f'"{path.stem}:' in tables or name in BEGINNINGS or "processes." in name
        assert begins or name in used or path.stem == "__init__", f"nothing imports {name}"


BEGINNINGS = {
    "receiver.service.child": "started by the supervisor as a process",
    "receiver.service.console_log": "imported by its name, by service.logs, where a person reads the log",
    "receiver.sandbox.fakes": "shipped for the tests of this service and of those who build on it",
}
"""Module → how it is reached without an import."""


def test_each_module_has_its_tests() -> None:
    """At the mirrored place, ``tests/<room>/test_<module>.py``, or in ``TESTED_ELSEWHERE`` with the reason."""
    for path in MODULES:
        inside = path.relative_to(ROOT / "receiver")
        if path.stem in {"__init__", "__main__"}:
            continue
        here = ROOT / "tests" / inside.parent / f"test_{inside.stem}.py"
        elsewhere = TESTED_ELSEWHERE.get(inside.as_posix()) or TESTED_ELSEWHERE.get(f"{inside.parent.as_posix()}/")
        assert here.exists() or elsewhere, f"{inside} has no {here.relative_to(ROOT)}"
        assert not (here.exists() and inside.as_posix() in TESTED_ELSEWHERE), f"{inside} has tests of its own by now"


def test_tests_elsewhere_are_there() -> None:
    """What the list names exists: module, folder, and the place where it is tested."""
    for inside, (place, _) in TESTED_ELSEWHERE.items():
        assert (ROOT / "receiver" / inside).exists(), inside
        assert (ROOT / "tests" / place).exists(), place


TESTED_ELSEWHERE: dict[str, tuple[str, str]] = {
    "cli/dev.py": ("whole_service/test_commands.py", "it only wires what runs until Ctrl-C, proven by real processes"),
    "cli/exit_codes.py": ("cli/test_main.py", "only numbers, which every command's end is held against"),
    "console/answers.py": ("console/test_pages.py", "values that every page is given and gives"),
    "console/desk.py": ("service/test_console_desk.py", "fields, which are filled there"),
    "console/metrics.py": ("console/test_live.py", "numbers, counted by what is tested there and in test_app"),
    "console/pages/": ("console/test_pages.py", "every page is asked for on the same journals, as a browser does"),
    "intake/acceptor.py": ("intake/test_budgets.py", "what it takes and turns away shows at the socket"),
    "intake/after_upgrade.py": ("intake/test_connection.py", "it only passes on, and what it passes on is answered"),
    "intake/canned.py": ("intake/test_budgets.py", "answers, read as a caller reads them"),
    "intake/listener_config.py": ("intake/test_http_server.py", "only fields, which the server fills"),
    "intake/limits.py": ("intake/test_budgets.py", "only numbers, each of them reached there"),
    "intake/admit.py": ("intake/test_webhook.py", "the order of its checks shows in the answers of the application"),
    "intake/rejects.py": ("intake/test_explain.py", "what is sampled is there to be explained"),
    "journal/": ("contract/journal", "one suite runs over every engine"),
    "journal/memory/": ("contract/journal", "one suite runs over every engine"),
    "journal/postgres/": ("contract/journal", "one suite runs over every engine"),
    "journal/sqlite/": ("contract/journal", "one suite runs over every engine"),
    "model/clock.py": ("service/test_system_clock.py", "a Protocol, held against the clock that it stands for"),
    "model/log.py": ("service/test_logs.py", "a Protocol without a line that runs"),
    "providers/calls.py": ("providers/test_answers.py", "records of fields"),
    "providers/calypso/": ("providers/calypso/test_callbacks.py", "fields, tables and samples, used by its callbacks"),
    "providers/cryptoexchange/": ("providers/cryptoexchange/test_api.py", "it sends no callbacks: all of it is asked"),
    "providers/onchainpay/": (
        "providers/onchainpay/test_callbacks.py",
        "fields, tables and samples, used by its callbacks",
    ),
    "providers/zeroxpay/": (
        "providers/zeroxpay/test_callbacks.py",
        "fields, tables and samples, used by its callbacks",
    ),
    "sandbox/dev.py": ("whole_service/test_commands.py", "a whole service in one process, proven as a process"),
    "trace/ports.py": ("trace/test_otlp.py", "a Protocol, held against the collector that it stands for"),
    "service/config/console_settings.py": ("service/config/test_console.py", "fields, read and refused there"),
    "service/console_log.py": ("service/test_logs.py", "the form of the log that people read"),
    "service/processes/reconcile.py": ("service/test_process.py", "its parts are tested in reconcile; this wires them"),
}
"""Module, or a folder with all its modules → (where it is tested, why there)."""


OF_ENGINES = ("journal.sqlite", "journal.folder", "inbox.db", "outbox.db", "requests.db", "rejects.db")
"""What only they say: their folders' modules, and the names of their files."""


def test_only_an_engine_knows_where_it_keeps_what() -> None:
    """No folder, file name or table of a journal outside its engine's own folder."""
    known = []
    for path in MODULES:
        if not within(path).startswith("journal/"):
            text = path.read_text("utf-8")
            known += [f"{within(path)}: {name}" for name in OF_ENGINES if name in text]
    assert known == []
