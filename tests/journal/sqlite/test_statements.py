"""SQL stands in files, named and described; what is used is there, what is there is used; and how rows are written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import apsw
import pytest

from receiver.journal.sqlite import statements
from receiver.journal.sqlite.statements import insert, named_queries, schema

FOLDER = Path(statements.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
FILES = sorted((FOLDER / "sql").glob("*.sql"))
STORES = [path.name.removesuffix("_queries.sql") for path in FILES if path.name.endswith("_queries.sql")]
SQL = re.compile(
    r"\s*(WITH|SELECT|INSERT|REPLACE|DELETE|UPDATE|CREATE|DROP|ALTER|ATTACH|PRAGMA|BEGIN|COMMIT|ROLLBACK)\b"
)
TRANSACTIONS = {"BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"}


def texts(tree: ast.AST) -> set[str]:
    """Every text of a module that is no docstring."""
    said = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found - said


def asked(tree: ast.AST) -> list[ast.expr]:
    """What stands in the brackets of every ``SQL[…]``."""
    return [
        node.slice
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "SQL"
    ]


def tables(tree: ast.AST) -> list[str]:
    """The stores whose queries a module reads."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "named_queries":
            (given,) = node.args
            found.append(given.value if isinstance(given, ast.Constant) else "STORE")
    names = {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    return [str(names[one]) if one == "STORE" else str(one) for one in found]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_sql_stands_in_python(path: Path) -> None:
    """But for the words that begin and end a transaction."""
    assert {text for text in texts(ast.parse(path.read_text("utf-8"))) if SQL.match(text)} - TRANSACTIONS == set()


@pytest.mark.parametrize("store", STORES)
def test_every_statement_is_described(store: str) -> None:
    """A name is never given twice in a file, and beneath it stands what the statement is for."""
    text = (FOLDER / "sql" / f"{store}_queries.sql").read_text("utf-8")
    names = re.findall(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    assert len(names) == len(set(names))
    for name, statement in named_queries(store).items():
        described = re.match(r"(-- [A-Z0-9].+\n)(-- .+\n)*", statement)
        assert described, f"{store}: {name}"
        assert SQL.match(statement[described.end() :]), f"{store}: {name}"


def test_every_statement_that_is_asked_for_is_there() -> None:
    """By a text, or by a name that a function was given."""
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        there = {name for store in tables(tree) for name in named_queries(store)}
        if not there:  # the module has another's
            there = {name for store in STORES for name in named_queries(store)}
        wanted = {node.value for node in asked(tree) if isinstance(node, ast.Constant)}
        assert wanted - there == set(), path.name


@pytest.mark.parametrize("store", STORES)
def test_every_statement_is_asked_for(store: str) -> None:
    """Else it says what nobody does any more; the figures of ``stats`` are asked for all together."""
    said: set[str] = set().union(*(texts(ast.parse(path.read_text("utf-8"))) for path in MODULES))
    unused = {name for name in named_queries(store) if name not in said and not name.startswith("stat_")}
    assert unused == set()


@pytest.mark.parametrize("store", ["inbox", "outbox", "requests", "rejects", "watch"])
def test_tables_are_made_once(store: str) -> None:
    """Where they are there already nothing happens, so that a crash in the middle does no harm."""
    connection = apsw.Connection(":memory:")
    connection.execute(schema(store))
    made = list(connection.execute("SELECT sql FROM sqlite_schema ORDER BY name"))
    connection.execute(schema(store))
    assert list(connection.execute("SELECT sql FROM sqlite_schema ORDER BY name")) == made
    assert made


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 63, 64, 65, 137, 200])
def test_rows_are_written_many_at_once_and_in_order(count: int) -> None:
    """Whatever stands behind the values stays."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    rows = [(number, f"{number} ?") for number in range(count)]
    insert(connection, "INSERT INTO t (a, b)\nVALUES (?, ?)\nON CONFLICT DO NOTHING", iter(rows))
    assert list(connection.execute("SELECT a, b FROM t ORDER BY rowid")) == rows
