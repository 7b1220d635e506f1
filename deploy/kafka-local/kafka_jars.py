"""The broker's jars: exactly those of ``jars.lock``, each held to its SHA-256, whoever fetches them.

Maven fetches them where it is, by ``pom.xml``; elsewhere ``maven_client`` does, and resolves nothing: the lock is what
Maven resolved. ``kafka_local.py lock`` (``make jars-lock``) writes it anew after a change of ``pom.xml``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import java_runtime
import maven_client
import wheels

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
LOCK = HERE / "jars.lock"
JARS = HERE.parent.parent / "var" / "kafka-jars"
LOCK_HEADER = "# What Maven resolves for pom.xml: group:artifact:version sha256. Written by `make jars-lock`.\n"


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinates(self) -> str:
        """As Maven writes them."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file(self) -> str:
        """The name of its file, in a repository and in our folder."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(text: str) -> list[Jar]:
    """The jars of a lock; raises ``ValueError`` that names the first line that is none."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"([\w.-]+):([\w.-]+):([\w.-]+) ([0-9a-f]{64})", line)
        if found is None:
            raise ValueError(f"line {number} is not `group:artifact:version sha256`: {line}")
        jars.append(Jar(*found.groups()))
    return jars


def write_lock() -> int:
    """Resolve ``pom.xml`` with Maven and write the lock; gives how many jars it names. Raises ``RuntimeError``."""
    mvn = shutil.which("mvn")
    if mvn is None:
        raise RuntimeError("Maven is needed to resolve pom.xml anew, and no `mvn` was found.")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _by_maven(mvn, root, "-Dmdep.useRepositoryLayout=true")
        lines = sorted(_line(jar.relative_to(root), sha256(jar)) for jar in root.rglob("*.jar"))
    LOCK.write_text(LOCK_HEADER + "\n".join(lines) + "\n")
    return len(read_lock(LOCK.read_text()))


def _line(path: Path, digest: str) -> str:
    *group, artifact, version, name = path.parts
    if name != f"{artifact}-{version}.jar":
        raise RuntimeError(f"{path} has a classifier, which the lock cannot name.")
    return f"{'.'.join(group)}:{artifact}:{version} {digest}"


def fetch() -> Path:
    """The folder of the jars, fetched once; safe when several start at the same time. Raises ``RuntimeError``."""
    # Named by the lock, so that a changed one fetches anew; there only when it is whole.
    folder = JARS / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fill(folder.with_suffix(".part"), read_lock(LOCK.read_text()))
            folder.with_suffix(".part").rename(folder)
    return folder


def _fill(part: Path, jars: list[Jar]) -> None:
    mvn = shutil.which("mvn")
    if mvn is not None:
        shutil.rmtree(part, ignore_errors=True)
        print("==> fetching the Kafka broker's jars with Maven (45 MB, once)", file=sys.stderr, flush=True)
        _by_maven(mvn, part)
    else:
        wheels.install(
            "maven",
            "no Maven found: installing a small client of its repositories from a wheel",
            "Kafka's jars come through Maven or this client: let pip reach its index, or put `mvn` in the PATH.",
        )
        print("==> fetching the Kafka broker's jars without Maven (45 MB, once)", file=sys.stderr, flush=True)
        part.mkdir(exist_ok=True)
        kept = {jar.file for jar in jars if (part / jar.file).exists() and sha256(part / jar.file) == jar.sha256}
        for stranger in [path for path in part.iterdir() if path.name not in kept]:
            stranger.unlink()
        maven_client.download({jar.coordinates: part / jar.file for jar in jars if jar.file not in kept})
    check(part, jars)


def _by_maven(mvn: str, folder: Path, *options: str) -> None:
    # -C: a checksum that does not fit is a failure, not a warning.
    command = [mvn, "-B", "-q", "-C", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    environ = dict(os.environ)
    if java_runtime.of_this_machine() is None:
        environ["JAVA_HOME"] = str(java_runtime.java().parent.parent)
    done = subprocess.run([*command, *options], env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "[ERROR]" in line] or [done.stderr]
        raise RuntimeError(f"Maven could not fetch the broker's jars: {errors[0].strip()}")


def check(folder: Path, jars: list[Jar]) -> None:
    """Hold a folder to the lock: these files and no other, each with its hash. Raises ``RuntimeError``."""
    expected = {jar.file: jar.sha256 for jar in jars}
    found = {path.name: sha256(path) for path in folder.iterdir()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise RuntimeError(
            f"the jars in {folder} are not those of deploy/kafka-local/jars.lock ({', '.join(wrong[:3])}); after a"
            " change of pom.xml run `make jars-lock`, otherwise what was fetched is not what was locked."
        )


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
