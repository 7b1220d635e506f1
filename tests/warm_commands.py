"""The commands of ``receiver`` as processes of their own which start at once: forks of one that has read the modules.

Reading them takes a new interpreter half a second, and the tests call hundreds of commands. What a fork runs is
``receiver.__main__.main`` from its first line to the interpreter's own end, with its own arguments, environment,
folder, output and exit code; what is not tested by it is only that the modules can be read, and tests of their own say
that. Some variables of the environment act while an interpreter starts, so commands share one only if these are equal.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
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
from pathlib import Path
from typing import Any, ClassVar

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
AT_START = ("PYTHON", "LC_", "LANG", "TZ")
"""How the names of the variables begin that an interpreter obeys while it starts: where its code is, its letters."""
KEPT_MAX = 3
"""Of these processes, each of which holds some dozens of megabytes."""


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
            command = [sys.executable, "-m", "tests.warm_commands", str(theirs.fileno())]
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
            while len(cls._kept) > KEPT_MAX:
                cls._kept.popitem(last=False)[1].close()
            return cls._kept[key]

    def close(self) -> None:
        """End it."""
        self._line.close()
        self._process.wait()

    def run(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        timeout_s: float,
        errors: str = "strict",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as ``subprocess.run`` does, its output captured and nothing on its stdin.

        ``errors`` is for what is no UTF-8, as in ``bytes.decode``. Raises ``subprocess.TimeoutExpired`` when it takes
        longer, after having killed it.
        """
        request = {"arguments": list(arguments), "environ": dict(environ), "folder": str(folder)}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours:
                with theirs:
                    described = [out.fileno(), err.fileno(), theirs.fileno()]
                    socket.send_fds(self._line, [json.dumps(request).encode()], described)
                code = _end_of(ours, arguments, timeout_s)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode(errors=errors).replace("\r\n", "\n"))
        return subprocess.CompletedProcess(list(arguments), code, *said)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(AT_START)}


def _end_of(reply: socket.socket, arguments: Sequence[str], timeout_s: float) -> int:
    pid = int(reply.recv(100))
    reply.settimeout(timeout_s)
    try:
        return int(reply.recv(100))
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None


def _warm_up() -> None:
    """Read what commands read; what was read is no business of the forks' garbage collectors."""
    for package in ("receiver.cli", "receiver.providers"):
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
    os.environ.clear()
    os.environb.update({_bytes(name): _bytes(value) for name, value in request["environ"].items()})
    os.chdir(_bytes(request["folder"]))
    sys.modules["__main__"] = importlib.import_module("receiver.__main__")
    arguments = [os.fsdecode(_bytes(argument)) for argument in request["arguments"]]  # read with the locale's letters
    sys.argv = [str(sys.modules["__main__"].__file__), *arguments]


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
        return
    reply.send(b"%d" % child)
    reply.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _fork_for_each(line: socket.socket) -> None:
    """Return in each command's own process; this one ends when nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who attends a command is waited for by nobody
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the tests
    while True:
        data, given, _, _ = socket.recv_fds(line, REQUEST_BYTES_MAX, 3)
        if not data:
            sys.exit()
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            line.close()
            _attend(json.loads(data), given[0], given[1], socket.socket(fileno=given[2]))
            return
        for descriptor in given:
            os.close(descriptor)


if __name__ == "__main__":
    _warm_up()
    _fork_for_each(socket.socket(fileno=int(sys.argv[1])))
    from receiver.__main__ import main

    main()
