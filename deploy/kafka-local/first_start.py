"""What the first start of a broker leaves to all later ones, which so take a third of the time.

Two files, kept beside the jars: what Kafka's own ``format`` writes into a new folder, which is the same for every
broker, and Java's archive of the classes that a broker loads, as it has them in memory. A Java that can write no such
archive goes on without it, as does one whose archive does not fit it any more; only the start is slower then.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import java_runtime
import kafka_jars

BOOTSTRAP = "bootstrap.checkpoint"
"""In a data folder: with which features a new cluster begins, and nothing of the cluster or of its node."""
CLASSES = "classes.jsa"
META = """\
version=1
cluster.id={cluster_id}
node.id={node}
directory.id={directory_id}
"""

Start = Callable[[Path, str], Path]
"""Formats a folder below the given one, starts a broker on it with that option of Java, stops it; its data folder."""


def fetch(start: Start) -> Path:
    """The folder of the two files, made once for these jars and this Java; safe when several start at the same time.

    Raises ``RuntimeError``.
    """
    jars, java = kafka_jars.fetch(), java_runtime.java().resolve()
    mark = f"{jars.name} {java} {java.stat().st_mtime_ns}"
    folder = kafka_jars.JARS / f"start-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    with (kafka_jars.JARS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            print("==> starting a Kafka broker once, so that later starts are fast", file=sys.stderr, flush=True)
            _fill(folder.with_suffix(".part"), start)
            folder.with_suffix(".part").rename(folder)
    return folder


def _fill(part: Path, start: Start) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    data = start(part / "broker", f"-XX:ArchiveClassesAtExit={part / CLASSES}")
    shutil.copyfile(data / BOOTSTRAP, part / BOOTSTRAP)
    shutil.rmtree(part / "broker")


def options(made: Path) -> list[str]:
    """Java's options by which a broker takes its classes from there."""
    classes = made / CLASSES
    return [f"-XX:SharedArchiveFile={classes}"] if classes.exists() else []


def format_folder(made: Path, data: Path, cluster_id: str, node: int) -> None:
    """Write into a new data folder what Kafka's ``format`` does. It counts as formatted once ``META`` is there."""
    data.mkdir()
    shutil.copyfile(made / BOOTSTRAP, data / BOOTSTRAP)
    meta = META.format(cluster_id=cluster_id, node=node, directory_id=_directory_id())
    (data / "meta.properties").write_text(meta)


def _directory_id() -> str:
    # 16 random bytes, as Kafka makes them: none that begins with a dash, which a command line would take for an option.
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made
