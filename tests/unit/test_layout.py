"""The house rules that are tests: who may import whom, what is pure, and how large a piece may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = 4
LAYERS: dict[str, int] = {
    "schemas": 0,
    "errors": 0,
    "callback": 1,
    "signing": 2,
    "provider": 2,
    "ports": 2,
    "exact": 2,
    "plain": 1,
    "api": 1,
    "watch": 2,
    "parsing": 2,
    "keyed": 2,
    "apis": 3,
    "providers": 3,
    "admit": 4,
    "lifecycle": 4,
    "event": 4,
    "quarantine": 4,
    "interpret": 4,
    "routing": 4,
    "position": 4,
    "suspects": 4,
    "logs": 5,
    "metrics": 5,
    "settings": 5,
    "source_settings": 5,
    "web": 5,
    "interpreter": 5,
    "interpreter_loop": 5,
    "draft": 4,
    "entries": 4,
    "pacing": 4,
    "hearing": 4,
    "relay": 5,
    "reconcile": 5,
    "admin": 5,
    "retention": 5,
    "rejects": 5,
    "silence": 5,
    "explain": 5,
    "clock_watch": 5,
    "backlog": 5,
    "scenarios": 5,
    "samples": 5,
    "pytest_plugin": 6,
    "simulate": 5,
    "testing": 5,
    "templates": 5,
    "adapters": 5,
    "rejoin": 5,
    "archive": 5,
    "choose": 5,
    "replay": 5,
    "progress": 5,
    "transfer": 6,
    "mending": 6,
    "lookup": 6,
    "asking": 6,
    "sources": 6,
    "parts": 6,
    "publisher_part": 6,
    "reconcile_part": 6,
    "bootstrap": 6,
    "reference": 7,
    "dev": 7,
    "supervisor": 7,
    "worker": 7,
    "commands": 7,
    "cli": 8,
    "__main__": 8,
}
"""Module or package → layer. A module uses lower layers; within its own only what ``BESIDE`` lists."""

BESIDE: dict[str, set[str]] = {
    "parsing": {"provider"},
    "keyed": {"provider", "signing"},
    "providers": {"apis"},
    "settings": {"source_settings"},
    "exact": set(),
    "signing": set(),
    "ports": set(),
    "interpret": {"lifecycle", "event"},
    "draft": {"interpret"},
    "event": {"lifecycle"},
    "simulate": {"scenarios"},
    "samples": {"scenarios"},
    "interpreter": {"metrics"},
    "interpreter_loop": {"interpreter"},
    "relay": {"metrics"},
    "reconcile": {"metrics"},
    "testing": {"samples"},
    "web": {"metrics"},
    "parts": {"sources"},
    "publisher_part": {"sources"},
    "reconcile_part": {"sources"},
    "bootstrap": {"parts", "publisher_part", "reconcile_part", "sources"},
    "mending": {"bootstrap", "sources"},
    "lookup": {"bootstrap", "sources"},
    "asking": {"bootstrap", "reconcile_part", "sources"},
    "transfer": {"bootstrap", "sources", "lookup"},
    "commands": {"dev", "supervisor", "reference"},
    "__main__": {"cli"},
}
ADAPTERS_BESIDE: dict[str, set[str]] = {
    "sqlite_inbox": {"sqlite"},
    "sqlite_keys": {"sqlite"},
    "sqlite_outbox": {"sqlite", "sqlite_keys"},
    "sqlite_requests": {"sqlite"},
    "sqlite_rejects": {"sqlite"},
    "sqlite_journal": {"sqlite", "sqlite_upgrade"},
    "sqlite_upgrade": {"sqlite"},
    "sqlite_watch": {"sqlite", "sqlite_requests"},
    "kafka_publisher": {"kafka_client", "kafka_hanging", "kafka_open", "kafka_positions", "partitioner"},
    "kafka_hanging": {"kafka_client", "kafka_open", "kafka_positions", "kafka_scan"},
    "kafka_scan": {"kafka_client"},
    "kafka_positions": {"kafka_client", "kafka_scan"},
    "kafka_topics": {"kafka_client"},
    "kafka_tail": {"kafka_client", "kafka_scan"},
    "kafka_find": {"kafka_client", "kafka_scan"},
    "sqlite_audit": {"sqlite", "sqlite_journal"},
    "sqlite_mend": {"sqlite", "sqlite_keys", "sqlite_outbox"},
}
IMPURE = {"asyncio", "os", "socket", "time", "logging", "threading", "subprocess", "pathlib", "random", "structlog"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50

MODULES = sorted((ROOT / "receiver").rglob("*.py"))
FILES = [*MODULES, *sorted((ROOT / "schemas").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, dotted; ``from receiver import x`` counts as ``receiver.x``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(path: Path) -> str:
    """The module or package of ``receiver`` that a file belongs to."""
    return path.relative_to(ROOT / "receiver").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_inward(path: Path) -> None:
    """A module imports lower layers, and of its own only what is listed; ``testing`` ships fakes and is for tests."""
    mine = part(path)
    if mine == "__init__":
        return
    for name in imports(path):
        head, _, rest = name.partition(".")
        theirs = rest.partition(".")[0] if head == "receiver" else None
        if theirs is None or theirs not in LAYERS or theirs == mine:
            continue
        assert theirs != "testing"
        allowed = LAYERS[theirs] < LAYERS[mine] or theirs in BESIDE.get(mine, set())
        assert allowed, f"{mine} (layer {LAYERS[mine]}) imports {theirs} (layer {LAYERS[theirs]})"


def test_every_module_has_its_layer() -> None:
    """A new module is put into the table, or this fails."""
    assert {part(path) for path in MODULES} - {"__init__"} == set(LAYERS) - {"schemas"}


@pytest.mark.parametrize("folder", ["providers", "apis", "adapters"])
def test_siblings_do_not_know_each_other(folder: str) -> None:
    """A provider never imports another; an adapter only the module its driver is wrapped in."""
    names = {path.stem for path in (ROOT / "receiver" / folder).glob("*.py")} - {"__init__", "common"}
    for path in (ROOT / "receiver" / folder).glob("*.py"):
        if path.stem in {"__init__", "common"}:
            continue
        known = {name.rpartition(".")[2] for name in imports(path) if name.startswith(f"receiver.{folder}.")} & names
        assert known - {path.stem} <= ADAPTERS_BESIDE.get(path.stem, set()), path.stem


@pytest.mark.parametrize(
    "path", [path for path in MODULES if LAYERS.get(part(path), 9) <= PURE], ids=lambda path: path.stem
)
def test_the_core_is_pure(path: Path) -> None:
    """No clock, file, socket, thread, environment or event loop below the loops."""
    assert {name.partition(".")[0] for name in imports(path)} & IMPURE == set()


def test_schemas_are_importable_alone() -> None:
    """A consumer takes ``schemas`` without the service."""
    for path in (ROOT / "schemas").glob("*.py"):
        assert not {name for name in imports(path) if name.partition(".")[0] == "receiver"}, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small_enough_to_see_whole(path: Path) -> None:
    """Files up to 400 lines, functions up to 50."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{path.name}: {node.name}"


def test_nothing_happens_on_import() -> None:
    """No module connects, reads the environment or starts a thread when it is imported: no bare call at its top."""
    for path in (path for path in MODULES if path.stem != "__main__"):
        for node in ast.parse(path.read_text("utf-8")).body:
            called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            assert not called, f"{path.name}:{node.lineno} calls something on import"
