"""``receiver serve`` as a process of its own, in a folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.chaos import traffic
from tests.chaos.log_reader import LogReader
from tests.ports import free_port
from tests.warm_commands import WarmCommands, WarmProcess

CONFIGURATION = """\
[server]
port = {port}
processes = {processes}
shutdown_timeout_s = 15

[admin]
port = {admin}

[journal]
{journal}
{kafka}
[[sources]]
name = "0xpay-main"
provider = "0xpay"
account = "{account}"
public_url = "{public_url}"
secrets = ["env:CHAOS_OXPAY"]

[[sources]]
name = "swaps"
provider = "onchainpay"
keys = [{{ public = "env:CHAOS_ONCHAIN_PUBLIC", secret = "env:CHAOS_ONCHAIN_SECRET" }}]
"""
KAFKA = """
[kafka]
bootstrap_servers = ["{bootstrap}"]
topic_prefix = "{prefix}"
topics = {{ partitions = 3, replication = {replication} }}
transaction_timeout_s = 5
client = {{ {client} }}
"""
SECRETS = {
    "CHAOS_OXPAY": traffic.OXPAY_SECRET,
    "CHAOS_ONCHAIN_PUBLIC": traffic.ONCHAIN_PUBLIC,
    "CHAOS_ONCHAIN_SECRET": traffic.ONCHAIN_SECRET,
}


POLL_S = 0.05
"""Between two questions: each costs the service more than the answer is worth where many tests ask at once."""


def until(holds: Callable[[], Any], timeout_s: float = 60) -> Any:
    """Wait until something holds, and give it. Whatever it costs to ask, at least as long a pause follows."""
    deadline = time.monotonic() + timeout_s
    asked = time.monotonic()
    while not (found := holds()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(max(POLL_S, time.monotonic() - asked))
        asked = time.monotonic()
    return found


class Service:
    """One installation: a folder with its configuration and journal, and at most one running service."""

    def __init__(
        self,
        folder: Path,
        bootstrap: str | None = None,
        prefix: str = "",
        replication: int = 1,
        client: Mapping[str, str] | None = None,
        *,
        journal: str = "",
        processes: int = 1,
        options: Sequence[str] = (),
        forks: bool = False,
    ) -> None:
        """``journal``: what stands in its table, a folder's URL without; ``options`` are more words for ``serve``.

        ``forks``: its processes are forks of a warm one where that is possible, for tests that are not about processes.
        """
        self._options = tuple(options)
        self.forks = forks
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.admin = free_port(), free_port()
        options = ", ".join(f'{key} = "{value}"' for key, value in (client or {}).items())
        kafka = KAFKA.format(bootstrap=bootstrap, prefix=prefix, replication=replication, client=options)
        self.config = folder / "receiver.toml"
        self.config.write_text(
            CONFIGURATION.format(
                port=self.port,
                admin=self.admin,
                journal=journal or f'url = "sqlite:{folder}/journal"',
                processes=processes,
                kafka=kafka if bootstrap else "",
                account=traffic.ACCOUNT,
                public_url=traffic.PUBLIC_URL,
            )
        )
        self.environ = {**os.environ, **SECRETS}
        self.log = folder / "receiver.log"
        self.log_reader: LogReader | None = None
        """Who copies stdout and stderr to ``log``; None: they go there by themselves."""
        self.other_code = False
        """Whether ``PYTHONPATH`` names another copy of the code, which only a new interpreter reads."""
        self.process: subprocess.Popen[bytes] | WarmProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    @property
    def url(self) -> str:
        """Where callbacks go."""
        return f"http://127.0.0.1:{self.port}/webhooks"

    def receiver(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line against this installation."""
        command = (*arguments, "--config", str(self.config))
        return WarmCommands.like(self.environ).run(command, self.environ, self.folder, timeout_s)

    def lines(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """A command's results as JSON."""
        done = self.receiver(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def post_swap(self, document: object, *, secret: str = traffic.ONCHAIN_SECRET) -> int:
        """Send one signed auto-swap callback, a body as it is or what is to be its JSON; the status of the answer."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-api-public-key": traffic.ONCHAIN_PUBLIC, "x-api-signature": signature}
        return self.post("swaps", body, headers)

    def post(self, source: str, body: bytes, headers: dict[str, str]) -> int:
        """Send one callback on a connection of its own; the status of the answer."""
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(caller):
            caller.request("POST", f"/webhooks/{source}", body, headers)
            return caller.getresponse().status

    def start(self) -> None:
        """Start ``receiver serve``; its log is appended to ``receiver.log``.

        Its children are new interpreters unless ``forks``. The supervisor is one too where its log has a reader or its
        code is another; then all of them are.
        """
        arguments = ["serve", "--config", str(self.config), *self._options]
        with self.log.open("ab") if self.log_reader is None else self.log_reader.open() as log:
            if self.log_reader is None and not self.other_code:
                warm = WarmCommands.like(self.environ)
                self.process = warm.start(arguments, self.environ, self.folder, log, log, children=self.forks)
                return
            self.process = subprocess.Popen(
                [sys.executable, "-m", "receiver", *arguments],
                env=self.environ,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def readyz(self) -> dict[str, Any] | None:
        """The body of ``/readyz``, None where nothing answers."""
        with contextlib.suppress(OSError, ValueError):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=2) as answer:
                    return dict(json.load(answer))
            except urllib.error.HTTPError as error:
                return dict(json.load(error))
        return None

    def metric(self, name: str) -> float | None:
        """The sum of a metric's values in ``/metrics``, None where nothing answers."""
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
            return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line))
        return None

    def wait_ready(self, timeout_s: float = 60) -> None:
        """Wait until callbacks are taken."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            said = self.readyz()
            if said is not None and said["ready"]:
                return
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(POLL_S)
        raise AssertionError(f"not ready after {timeout_s} s: {self.readyz()}\n{self.tail_of_log()}")

    def published(self, callbacks: int = 0) -> bool:
        """Whether all is interpreted and on Kafka, told by processes that have heard of so many callbacks."""
        said = self.readyz()
        return bool(
            said
            and (said["interpret"].get("interpreted") or 0) >= callbacks
            and said["kafka"]["state"] == "up"
            and not said["kafka"]["backlog"]
            and not said["interpret"]["uninterpreted"]
        )

    def wait_published(self, callbacks: int = 0, timeout_s: float = 120) -> None:
        """Wait until it is. Seen on a busy machine: nine deaths of an interpreter, each with its start, in a minute."""
        deadline = time.monotonic() + timeout_s
        while not self.published(callbacks):
            assert time.monotonic() < deadline, f"after {timeout_s} s: {self.readyz()}\n{self.tail_of_log()}"
            time.sleep(POLL_S)

    def tail_of_log(self, lines: int = 30) -> str:
        """The end of the service's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def child(self, role: str) -> int | None:
        """The process id of the ``intake`` or ``interpret`` child, None while there is none."""
        if self.process is None:
            return None
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"receiver.service.child" in arguments and role.encode() in arguments:
                    return int(pid)
        return None

    def kill(self, role: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to ``intake``, ``interpret`` or ``supervisor``; False where it is not there."""
        pid = self.process.pid if role == "supervisor" and self.process else self.child(role)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        if role == "supervisor" and number == signal.SIGKILL and self.process is not None:
            self.process.wait()
        return True

    def stop(self, timeout_s: float = 20) -> int:
        """SIGTERM, and the exit code; kills it and fails when it takes longer."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"no exit within {timeout_s} s of SIGTERM\n{self.tail_of_log()}") from None

    def destroy(self) -> None:
        """Leave nothing running, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            for role in ("intake", "interpret", "publish"):
                self.kill(role, signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        if self.log_reader is not None:
            self.log_reader.kill()
