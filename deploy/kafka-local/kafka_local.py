"""A real single-node Apache Kafka without Docker: KRaft, Java 17+, its jars through Maven. For a desk and for tests.

``python kafka_local.py run`` starts one on 127.0.0.1:9092 and keeps its files under ``var/kafka``; Ctrl-C stops it.
Standard library only, so that it runs before anything is installed. The tests import ``LocalKafka`` from here.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
VAR = HERE.parent.parent / "var"
JAVA_MIN = 17
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
CLUSTER_ID = "bG9jYWxrYWZrYWxvY2FsMQ"
"""Any 16 bytes in base64; a test that needs another cluster passes its own."""
PR_SET_PDEATHSIG = 1

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor={replication}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={min_isr}
transaction.state.log.num.partitions=3
default.replication.factor={replication}
min.insync.replicas={min_isr}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=2097152
"""
LOG4J = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        ref: STDOUT
"""


def missing() -> list[str]:
    """One sentence for each thing that is needed and not there."""
    faults = []
    java = shutil.which("java")
    if java is None:
        faults.append(f"Java {JAVA_MIN} or newer is needed to run a Kafka broker, and no `java` was found.")
    else:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        found = re.search(r'version "(\d+)', said)
        if found is None or int(found[1]) < JAVA_MIN:
            faults.append(f"Java {JAVA_MIN} or newer is needed; `java -version` says: {said.splitlines()[0:1]}")
    if shutil.which("mvn") is None and not _jars_marker().exists():
        faults.append("Maven is needed to fetch the broker's jars, and no `mvn` was found.")
    return faults


def _jars_marker() -> Path:
    return _jars_folder() / "complete"


def _jars_folder() -> Path:
    # Named by the pins, so that a changed pin fetches anew.
    pins = hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()[:12]
    return VAR / "kafka-jars" / pins


def fetch_jars() -> Path:
    """Fetch the jars once, by Maven; safe when several start at the same time. Raises ``RuntimeError``."""
    folder = _jars_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _jars_marker().exists():
            return folder
        print("==> fetching the Kafka broker's jars with Maven (45 MB, once)", file=sys.stderr)
        command = ["mvn", "-B", "-q", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        done = subprocess.run([*command, f"-DoutputDirectory={folder}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch the broker's jars:\n{(done.stdout + done.stderr)[-2000:]}")
        _jars_marker().touch()
    return folder


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalKafka:
    """One broker that is its own controller, or a member of a small cluster. Every path is bounded in time."""

    def __init__(  # noqa: PLR0913  one per server property that differs
        self,
        folder: Path,
        *,
        port: int = 0,
        node: int = 1,
        controller: int = 0,
        voters: str = "",
        replication: int = 1,
        min_isr: int = 1,
        cluster_id: str = CLUSTER_ID,
        advertised: int = 0,
        properties: str = "",
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.advertised = advertised or self.port
        self.controller = controller or free_port()
        self.node = node
        self._voters = voters or f"{node}@127.0.0.1:{self.controller}"
        self._replication, self._min_isr = replication, min_isr
        self._cluster_id = cluster_id
        self._properties = properties
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.advertised}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process, for those who want to stop it."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Format the folder the first time, then start the broker; ``wait_ready`` waits for it."""
        jars = fetch_jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text(
            SERVER_PROPERTIES.format(
                node=self.node,
                voters=self._voters,
                port=self.port,
                advertised=self.advertised,
                controller=self.controller,
                data=self.folder / "data",
                replication=self._replication,
                min_isr=self._min_isr,
            )
            + self._properties
        )
        (self.folder / "log4j2.yaml").write_text(LOG4J)
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"]
        java += ["-cp", f"{jars}/*"]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, properties)
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*java, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us; we stop the broker in our own order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  a test run that is killed leaves no broker behind
            )

    def _format(self, java: list[str], properties: Path) -> None:
        command = [*java, "kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the broker's folder cannot be formatted:\n{(done.stdout + done.stderr)[-2000:]}")

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until it answers a client's first question; raises ``RuntimeError`` with the end of its log."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.running:
            if _answers(self.port):
                return
            time.sleep(0.1)
        log = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the broker was not ready within {timeout_s:.0f} s:\n{log}")

    def stop(self) -> None:
        """Stop it cleanly; after ``STOP_TIMEOUT_S`` by force."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _answers(port: int) -> bool:
    # ApiVersions, version 0: the first thing any client asks, and answered only by a broker that is up.
    request = struct.pack(">hhih", 18, 0, 1, 5) + b"ready"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Iterator[LocalKafka]:
    """A broker that is ready, stopped at the end."""
    kafka = LocalKafka(folder, **options)
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        kafka.stop()


def _run(folder: Path, port: int) -> int:
    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    if _answers(port):
        print(f"kafka: something listens on 127.0.0.1:{port} already; choose another --port", file=sys.stderr)
        return 1
    try:
        print("==> starting Apache Kafka", file=sys.stderr)
        with running(folder, port=port) as kafka:
            print(f"Kafka is ready: {kafka.bootstrap} (files in {os.path.relpath(folder)}). Ctrl-C stops it.")
            print('Next, in another terminal: see "Start" in README.md.', flush=True)
            while kafka.running:
                time.sleep(0.5)
        print("kafka: the broker ended by itself; see broker.log", file=sys.stderr)
    except KeyboardInterrupt:
        print("\n==> stopped", file=sys.stderr)
        return 0
    except RuntimeError as error:
        print(f"kafka: {error}", file=sys.stderr)
    return 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("require", help="say what is missing on this machine, exit 1 if anything is")
    run = commands.add_parser("run", help="a broker until Ctrl-C")
    run.add_argument("--port", type=int, default=9092)
    run.add_argument("--dir", type=Path, default=VAR / "kafka")
    arguments = parser.parse_args()
    faults = missing()
    for fault in faults:
        print(f"kafka: {fault}", file=sys.stderr)
    if faults:
        return 1
    return _run(arguments.dir, arguments.port) if arguments.command == "run" else 0


if __name__ == "__main__":
    sys.exit(main())
