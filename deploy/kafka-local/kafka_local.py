"""A real single-node Apache Kafka without Docker: KRaft, Java 17+ and the jars of ``jars.lock``. For desk and tests.

``python kafka_local.py run`` starts one on 127.0.0.1:9092 and keeps its files under ``var/kafka``; Ctrl-C stops it.
Java and Maven are the machine's own where they are, else packages that pip brings into ``.venv`` on demand; so this
imports the standard library only until then. The tests import ``LocalKafka`` from here.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import first_start
import java_runtime
import kafka_jars

HERE = Path(__file__).resolve().parent
VAR = HERE.parent.parent / "var"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
ARCHIVE_TIMEOUT_S = 120.0
"""For a stop at which Java writes down what it loaded: some seconds, and ten times as many where all is busy."""
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
metadata.max.idle.interval.ms=10000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=2097152
"""
"""``metadata.max.idle.interval.ms``: a controller that has nothing to say writes that down, twice a second by itself,
which takes a third of the processor time of a broker that waits."""
LOG4J = """\
status = warn
appender.console.type = Console
appender.console.name = STDOUT
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = STDOUT
"""
"""Not in YAML, for which Java would load a reader of its own."""


def missing() -> list[str]:
    """Provide all that a broker starts with; one sentence for what cannot be had, an empty list where all is there."""
    try:
        first_start.fetch(_first_start)
    except RuntimeError as error:
        return [str(error)]
    return []


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
        made = first_start.fetch(_first_start)
        self._configure()
        if not (self._data / "meta.properties").exists():
            first_start.format_folder(made, self._data, self._cluster_id, self.node)
        self._launch(first_start.options(made))

    def start_first(self, option: str) -> Path:
        """Have Kafka's own program format the folder, and start the broker with an option of Java; its data folder."""
        self._configure()
        format_ = ["kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", str(self._properties_file)]
        done = subprocess.run([*self._java([]), *format_], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the broker's folder cannot be formatted:\n{(done.stdout + done.stderr)[-2000:]}")
        self._launch([option])
        return self._data

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _properties_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _log4j_file(self) -> Path:
        return self.folder / "log4j2.properties"

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties_file.write_text(
            SERVER_PROPERTIES.format(
                node=self.node,
                voters=self._voters,
                port=self.port,
                advertised=self.advertised,
                controller=self.controller,
                data=self._data,
                replication=self._replication,
                min_isr=self._min_isr,
            )
            + self._properties
        )
        self._log4j_file.write_text(LOG4J)

    def _java(self, options: Sequence[str]) -> list[str]:
        java = [str(java_runtime.java()), "-Xmx512m", "-XX:+UseSerialGC", *options]
        return [*java, f"-Dlog4j2.configurationFile={self._log4j_file}", "-cp", f"{kafka_jars.fetch()}/*"]

    def _launch(self, options: Sequence[str]) -> None:
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(options), "kafka.Kafka", str(self._properties_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us; we stop the broker in our own order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  a test run that is killed leaves no broker behind
            )

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until it answers a client's first question; raises ``RuntimeError`` with the end of its log."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.running:
            if answers(self.port):
                return
            time.sleep(0.1)
        log = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the broker was not ready within {timeout_s:.0f} s:\n{log}")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop it cleanly; after ``timeout_s`` by force."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _first_start(folder: Path, option: str) -> Path:
    kafka = LocalKafka(folder)
    data = kafka.start_first(option)
    try:
        kafka.wait_ready()
    finally:
        kafka.stop(ARCHIVE_TIMEOUT_S)
    return data


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(port: int) -> bool:
    """Whether a broker on that loopback port answers a client's first question."""
    # ApiVersions, version 0: the first thing any client asks, and answered only by a broker that is up.
    request = struct.pack(">hhih", 18, 0, 1, 5) + b"ready"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


@contextlib.contextmanager
def running(folder: Path, *, kept: bool = False, **options: Any) -> Iterator[LocalKafka]:
    """A broker that is ready; at the end stopped if its files are ``kept``, else killed, which costs no time."""
    kafka = LocalKafka(folder, **options)
    kafka.start()
    try:
        kafka.wait_ready()
        yield kafka
    finally:
        if kept:
            kafka.stop()
        else:
            kafka.kill()


def _run(folder: Path, port: int) -> int:
    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    if answers(port):
        print(f"kafka: something listens on 127.0.0.1:{port} already; choose another --port", file=sys.stderr)
        return 1
    try:
        print("==> starting Apache Kafka", file=sys.stderr)
        with running(folder, kept=True, port=port) as kafka:
            print(f"Kafka is ready: {kafka.bootstrap} (files in {os.path.relpath(folder)}). Ctrl-C stops it.")
            print('Next, in another terminal: see "With Kafka" in docs/start.md.', flush=True)
            while kafka.running:
                time.sleep(0.5)
        print("kafka: the broker ended by itself; see broker.log", file=sys.stderr)
    except KeyboardInterrupt:
        print("\n==> stopped", file=sys.stderr)
        return 0
    except RuntimeError as error:
        print(f"kafka: {error}", file=sys.stderr)
    return 1


def _lock() -> int:
    try:
        print(f"==> jars.lock names {kafka_jars.write_lock()} jars", file=sys.stderr)
    except RuntimeError as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("require", help="fetch what a broker needs; exit 1 and say what cannot be had")
    commands.add_parser("lock", help="write jars.lock anew from pom.xml, with Maven")
    run = commands.add_parser("run", help="a broker until Ctrl-C")
    run.add_argument("--port", type=int, default=9092)
    run.add_argument("--dir", type=Path, default=VAR / "kafka")
    arguments = parser.parse_args()
    if arguments.command == "lock":
        return _lock()
    faults = missing()
    for fault in faults:
        print(f"kafka: {fault}", file=sys.stderr)
    if faults:
        return 1
    return _run(arguments.dir, arguments.port) if arguments.command == "run" else 0


if __name__ == "__main__":
    sys.exit(main())
