"""TypeScript, Go and Java consumers: the types that are published, compiled, and run over every published example.

Beside each example lies one of a later v1.x, with fields that nobody knows yet.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kafka_jars
import make_types
import pytest

from exchange_events.publish import FOLDER

pytestmark = pytest.mark.tools

READERS = Path(__file__).parent / "readers"
TYPES = make_types.HERE
EXAMPLES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((FOLDER / "examples").glob("*.json"))
}
SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For Java: what runs for a second gains nothing from its thorough compiler and its threads that collect garbage."""
UNKNOWN = {"added_later": {"by": ["v1.1"], "amount": "1"}, "another": None}


def needs(*programs: str) -> None:
    """Skip, saying so, where one of them is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: what it makes of the published schemas is not tried")


@pytest.fixture
def records(tmp_path: Path) -> list[str]:
    """A file of each example as it is, then of each as a later version may write it."""
    paths = []
    for folder, more in (("v1.0", {}), ("later", UNKNOWN)):
        (tmp_path / folder).mkdir()
        for name, example in EXAMPLES.items():
            path = tmp_path / folder / f"{name}.json"
            path.write_text(json.dumps(example | more), "utf-8")
            paths.append(str(path))
    return paths


def said(value: Any) -> Any:
    """Without what is null or unknown: languages differ in whether they write the one, and none knows the other."""
    if isinstance(value, dict):
        return {name: said(inner) for name, inner in value.items() if inner is not None and name not in UNKNOWN}
    return [said(inner) for inner in value] if isinstance(value, list) else value


def assert_read(lines: str) -> None:
    """Each line is its example again."""
    read = [said(json.loads(line)) for line in lines.splitlines()]
    assert read == [said(example) for example in EXAMPLES.values()] * 2


def typescript(folder: Path, records: list[str]) -> str:
    """Every example is checked against its type too, and a status that there is not is an error."""
    needs("node", "npm")
    modules = make_types.node_modules()
    for path in [*(TYPES / "typescript").iterdir(), READERS / "read.ts"]:
        shutil.copy(path, folder)
    checked = [
        'import type { StatusEvent } from "./status_event";',
        'import type { QuarantineRecord } from "./quarantine";',
    ]
    for name, example in EXAMPLES.items():
        model = "QuarantineRecord" if name == "quarantine" else "StatusEvent"
        checked.append(f"export const {name}: {model} = {json.dumps(example)};")
    checked += ["// @ts-expect-error", 'export const wrong: StatusEvent["status"] = "paid";']
    (folder / "examples.ts").write_text("\n".join(checked), "utf-8")
    options = "--strict --exactOptionalPropertyTypes --target es2022 --module commonjs --types node --skipLibCheck"
    roots = ["--typeRoots", str(modules / "@types")]
    make_types.run([str(modules / ".bin/tsc"), *options.split(), *roots, "read.ts", "examples.ts"], cwd=folder)
    return make_types.run(["node", str(folder / "read.js"), *records])


def go(folder: Path, records: list[str]) -> str:
    """With the standard library alone."""
    needs("go")
    (folder / "events").mkdir()
    shutil.copy(TYPES / "go/events.go", folder / "events")
    shutil.copy(READERS / "main.go", folder)
    (folder / "go.mod").write_text("module readers\n\ngo 1.19\n")
    environ = os.environ | {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    make_types.run(["go", "vet", "./..."], cwd=folder, environ=environ)
    make_types.run(["go", "build", "-o", "read", "."], cwd=folder, environ=environ)
    return make_types.run([str(folder / "read"), *records])


def java(folder: Path, records: list[str]) -> str:
    """With Jackson, of which the broker's jars hold a copy."""
    needs("java", "javac")
    classpath = f"{kafka_jars.fetch()}/*"
    sources = [str(READERS / "Read.java"), *sorted(map(str, (TYPES / "java").iterdir()))]
    make_types.run(["javac", *(f"-J{option}" for option in SHORT), "-Xlint:all", "-cp", classpath, "-d", str(folder),
                    *sources])  # fmt: skip
    return make_types.run(["java", *SHORT, "-cp", f"{folder}:{classpath}", "Read", *records])


@pytest.mark.parametrize("language", [typescript, go, java])
def test_each_language_reads_every_example(
    language: Callable[[Path, list[str]], str], records: list[str], tmp_path: Path
) -> None:
    """Nothing is lost on the way through the types, and nothing that is unknown stops a reader."""
    folder = tmp_path / "program"
    folder.mkdir()
    assert_read(language(folder, records))


def test_the_types_are_made_from_the_schemas(tmp_path: Path) -> None:
    """``make client-types`` writes them; nobody edits them."""
    needs("node", "npm", "gofmt")
    made = make_types.make(tmp_path)
    assert made == sorted(
        path.relative_to(TYPES).as_posix() for path in TYPES.rglob("*") if path.suffix in make_types.SUFFIXES
    )
    for name in made:
        assert (tmp_path / name).read_text("utf-8") == (TYPES / name).read_text("utf-8"), name


def names(text: str) -> Iterator[str]:
    """What a TypeScript file exports."""
    return (line.split()[2] for line in text.splitlines() if line.startswith("export "))


def test_no_type_is_junk() -> None:
    """A consumer sees the model, its parts and its vocabulary, and not an alias for each property."""
    event = set(names((TYPES / "typescript/status_event.ts").read_text("utf-8")))
    parts = {"Amount", "Payout", "Fee", "Price", "Usd", "Failure"}
    assert event == {"StatusEvent", "Status", "Family", "Anomaly", "ObservedVia", "DecimalText", "Timestamp"} | parts
    quarantine = set(names((TYPES / "typescript/quarantine.ts").read_text("utf-8")))
    assert quarantine == {"QuarantineRecord", "Reason", "Timestamp"}
