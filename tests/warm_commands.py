"""The commands of ``receiver`` as processes of their own which start at once: forks of one that has read the modules.

Reading them takes a new interpreter half a second, and the tests call hundreds of commands. What a fork runs is
``receiver.__main__.main`` from its first line to the end of ``warm_end``, with its own arguments, environment, folder,
output and exit code; what is not tested by it is only that the modules can be read, and tests of their own say that.
Some variables of the environment act while an interpreter starts, so commands share one only if these are equal.

A fork can also run another program, which a test has as text: one that uses the same modules and is to be killed.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar, TextIO

from tests import warm_children
from tests.warm_children import PADDING
from tests.warm_end import run_to_the_end
from tests.warm_places import Place

REQUEST_BYTES_MAX = 256 * 1024
"""Arguments and environment, which are one datagram."""

ALSO_READ = (
    "receiver.service.kafka",
    "receiver.service.supervisor",
    "anyio._backends._asyncio",
    "httpcore",
    "rich.console",
    "rich.table",
)
"""What some commands import while they run."""
AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
"""How the names of the variables begin that an interpreter obeys while it starts: where its code is, its letters, and
what else the system loads into its process. ``_stream`` obeys the one that is ``AT_STREAMS``."""
AT_STREAMS = "PYTHONIOENCODING"
NO_PLACE = Place()
STDERR = 2
KEPT_MAX = 3
"""Of these processes, each of which holds some dozens of megabytes. The one for the tests' own environment stays."""


class WarmCommands:
    """The process that forks; it ends with the one that made this, however that one ends.

    It is started with the variables of ``environ`` that act at a start: ``PYTHONPATH`` may bring code that replaces
    some of the receiver's, as it does for a command with an interpreter of its own.
    """

    _kept: ClassVar[OrderedDict[frozenset[tuple[str, str]], WarmCommands]] = OrderedDict()
    _making = threading.Lock()

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        rest = {name: value for name, value in os.environ.items() if not name.startswith(AT_START)}
        with theirs:
            command = [sys.executable, "-m", "tests.warm_commands", str(theirs.fileno()), PADDING]
            repository = Path(__file__).parent.parent
            self._process = subprocess.Popen(
                command, cwd=repository, env=rest | _at_start(environ), pass_fds=[theirs.fileno()]
            )

    @classmethod
    def like(cls, environ: Mapping[str, str]) -> WarmCommands:
        """The one of this process whose start was as this environment wants it, started by whoever asks first."""
        with cls._making:
            key = frozenset(_at_start(environ).items())
            if key not in cls._kept:
                cls._kept[key] = cls(environ)
            cls._kept.move_to_end(key)
            own = frozenset(_at_start(os.environ).items())
            while len(cls._kept) > KEPT_MAX:
                cls._kept.pop(next(other for other in cls._kept if other != own)).close()
            return cls._kept[key]

    def close(self) -> None:
        """End it, also while it reads what nobody will ask for; commands that run are processes of their own."""
        self._line.close()
        self._process.terminate()
        self._process.wait()

    def run(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        timeout_s: float,
        errors: str = "strict",
        place: Place = NO_PLACE,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as ``subprocess.run`` does, its output captured and nothing on its stdin.

        ``errors`` is for what is no UTF-8, as in ``bytes.decode``. Raises ``subprocess.TimeoutExpired`` when it takes
        longer, after having killed it.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(arguments, environ, folder, out, err, place=place)
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode(errors=errors).replace("\r\n", "\n"))
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def start(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        out: IO[bytes],
        err: IO[bytes],
        *,
        children: bool = False,
        place: Place = NO_PLACE,
        program: str | None = None,
    ) -> WarmProcess:
        """Start a command whose output goes to files or pipes; nothing is on its stdin.

        ``children``: its own are forks too. ``program``: it is this text and not the receiver.
        """
        request = {
            "arguments": list(arguments), "environ": dict(environ), "folder": str(folder), "children": children,
            "place": asdict(place), "program": program,
        }  # fmt: skip
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            described = [out.fileno(), err.fileno(), theirs.fileno()]
            socket.send_fds(self._line, [json.dumps(request).encode()], described)
        return WarmProcess(arguments, ours)


class WarmProcess:
    """A command that was started; what of ``subprocess.Popen`` is used of it. It is no child of this process."""

    def __init__(self, arguments: Sequence[str], reply: socket.socket) -> None:
        self._arguments = list(arguments)
        self._reply = reply
        self.pid = int(reply.recv(100))
        self.returncode: int | None = None
        """None as long as nobody has asked whether it ended, or it has not."""

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._hear(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it ends; raises ``subprocess.TimeoutExpired`` after so many seconds."""
        code = self._hear(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send one, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _hear(self, timeout_s: float | None) -> int | None:
        if self.returncode is None:
            self._reply.settimeout(timeout_s)
            with contextlib.suppress(TimeoutError, BlockingIOError):
                self.returncode = int(self._reply.recv(100))
                self._reply.close()
        return self.returncode


def forked(program: str, *arguments: str) -> tuple[WarmProcess, TextIO]:
    """Start a program that a test has as text, in this process's environment and folder; its stdout to read from."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as out, os.fdopen(os.dup(STDERR), "wb") as errors:
        warm = WarmCommands.like(os.environ)
        started = warm.start(arguments, os.environ, Path.cwd(), out, errors, program=program)
    return started, os.fdopen(reading)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(AT_START) and name != AT_STREAMS}


def _warm_up() -> None:
    """Read what commands read; what was read is no business of the forks' garbage collectors."""
    for package in ("receiver.cli", "receiver.providers", "receiver.service.processes"):
        folder = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(folder, f"{package}."):
            importlib.import_module(module.name)
    for name in ALSO_READ:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _become(request: dict[str, Any], out: int, err: int) -> None:
    """Be the process that was asked for, up to where ``python -m receiver`` calls ``main``."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    letters = request["environ"].get(AT_STREAMS, "")
    sys.stdout, sys.stderr = _stream(sys.stdout, 1, letters), _stream(sys.stderr, 2, letters)
    os.environ.clear()
    os.environb.update({_bytes(name): _bytes(value) for name, value in request["environ"].items()})
    os.chdir(_bytes(request["folder"]))
    Place(**request["place"]).enter()
    sys.modules["__main__"] = importlib.import_module("receiver.__main__")
    arguments = [os.fsdecode(_bytes(argument)) for argument in request["arguments"]]  # read with the locale's letters
    sys.argv = [str(sys.modules["__main__"].__file__), *arguments]


def _stream(before: TextIO, descriptor: int, letters: str) -> TextIO:
    """A standard stream as an interpreter makes it at its start: what a pipe or a terminal is cannot be asked later.

    ``letters`` is an encoding and what to do with what it has not, as in ``PYTHONIOENCODING``.
    """
    binary = open(descriptor, "wb", closefd=False)  # noqa: SIM115  a descriptor has no path, and stays open
    by_line = descriptor == STDERR or os.isatty(descriptor)
    encoding, _, errors = letters.partition(":")
    errors = before.errors or "" if descriptor == STDERR or not letters else errors or "strict"
    encoding = codecs.lookup(encoding or before.encoding).name
    return io.TextIOWrapper(binary, encoding, errors, newline="\n", line_buffering=by_line)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _attend(request: dict[str, Any], out: int, err: int, reply: socket.socket) -> None:
    """Fork once more; tell the command's process id, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        reply.close()
        _become(request, out, err)
        for given in (out, err):
            os.close(given)
        if request["program"] is not None:
            run_to_the_end(partial(exec, compile(request["program"], "<program>", "exec"), {"__name__": "__main__"}))
        if request["children"]:
            warm_children.begin()
        return
    reply.send(b"%d" % child)
    reply.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _fork_for_each(line: socket.socket) -> None:
    """Return in each command's own process; this one ends when nobody can ask any more.

    What commands read is read when the first is asked for: some tests start more of these processes than they use.
    """
    warm = False
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who attends a command is waited for by nobody
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the tests
    while True:
        data, given, _, _ = socket.recv_fds(line, REQUEST_BYTES_MAX, 3)
        if not data:
            sys.exit()
        if not warm:
            _warm_up()
            warm = True
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            line.close()
            _attend(json.loads(data), given[0], given[1], socket.socket(fileno=given[2]))
            return
        for descriptor in given:
            os.close(descriptor)


if __name__ == "__main__":
    _fork_for_each(socket.socket(fileno=int(sys.argv[1])))
    from receiver.__main__ import main

    run_to_the_end(main)
