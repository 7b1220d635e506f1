"""TypeScript, Go and Java types of what is published, made from the JSON Schemas by kept generators.

``python make_types.py`` (``make client-types``) writes them beside this file; a test makes them anew and compares.
TypeScript comes from json-schema-to-typescript, whose unions of literals and nulls are what one would write by hand.
Go and Java come from quicktype: with it one lock holds all generators, its Go needs the standard library alone and its
Java only Jackson, where go-jsonschema and jsonschema2pojo would each bring an ecosystem of their own.

npm fetches exactly what ``package-lock.json`` names, each package held to its hash, once, to a cache outside the
checkout. The lock has no addresses: it is written with ``npm install --omit-lockfile-registry-resolved``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
PUBLISHED = HERE.parent / "exchange_events" / "published"
LOCK = HERE / "package-lock.json"
MODELS = {"StatusEvent": "status_event", "QuarantineRecord": "quarantine"}
"""The name of a type → the name of its schema, before ``.v1.schema.json``."""
PACKAGE = "exchange.events"
TIMEOUT_S = 240.0


def cache() -> Path:
    """Where what is fetched is kept over checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-webhook-receiver"


def node_modules() -> Path:
    """The folder of the locked npm packages, fetched once; safe when several ask at the same time.

    Raises ``RuntimeError`` with one sentence.
    """
    need("node", "npm")
    wanted = LOCK.read_bytes() + (HERE / "package.json").read_bytes()
    folder = cache() / f"npm-{hashlib.sha256(wanted).hexdigest()[:12]}"
    modules = folder / "node_modules"
    if modules.is_dir():
        return modules
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not modules.is_dir():
            _fetch(folder)
    return modules


def need(*programs: str) -> None:
    """Raise ``RuntimeError`` that names the first program that this machine lacks."""
    for program in programs:
        if shutil.which(program) is None:
            raise RuntimeError(f"no {program} was found")


def _fetch(folder: Path) -> None:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for file in (LOCK, HERE / "package.json"):
        shutil.copy(file, part)
    print("==> fetching the generators of types with npm (130 MB, once)", file=sys.stderr, flush=True)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(part)], cwd=part)
    part.rename(folder)


def run(command: Sequence[str], *, cwd: Path | None = None, environ: dict[str, str] | None = None) -> str:
    """What a program prints; raises ``RuntimeError`` with the end of what it said where it fails."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{command[0]} took more than {TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def make(folder: Path) -> list[str]:
    """Write the types of all languages below a folder; the files' names in it, sorted. Raises ``RuntimeError``."""
    need("gofmt")
    bin_ = node_modules() / ".bin"
    for name in ("typescript", "go", "java"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        sources = []
        for model, name in MODELS.items():  # the generators name the type of a schema's root after its file
            sources.append(Path(scratch, f"{model}.schema"))
            shutil.copy(PUBLISHED / f"{name}.v1.schema.json", sources[-1])
            target = str(folder / "typescript" / f"{name}.ts")
            run([str(bin_ / "json2ts"), "--no-additionalProperties", "-i", str(sources[-1]), "-o", target])
        quicktype = [str(bin_ / "quicktype"), "--src-lang", "schema", *map(str, sources)]
        run([*quicktype, "--lang", "go", "--package", "events", "-o", str(folder / "go" / "events.go")])
        run([*quicktype, "--lang", "java", "--package", PACKAGE, "-o", str(folder / "java" / "Converter.java")])
    _trim(folder)
    run(["gofmt", "-w", str(folder / "go" / "events.go")])
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in SUFFIXES)


SUFFIXES = {".ts", ".go", ".java"}


def _trim(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in SUFFIXES:  # quicktype pads its comments with spaces
            lines = [line.rstrip() for line in path.read_text("utf-8").splitlines()]
            path.write_text("\n".join(lines).rstrip() + "\n", "utf-8")


def main() -> int:
    """Write them beside this file."""
    for language in ("typescript", "go", "java"):
        shutil.rmtree(HERE / language, ignore_errors=True)
    try:
        print(f"==> {len(make(HERE))} files in {HERE}", file=sys.stderr)
    except RuntimeError as error:
        print(f"make_types: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
