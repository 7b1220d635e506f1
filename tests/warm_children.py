"""The children of a service that ``warm_commands`` started, as forks too: none of them has to read the modules.

Three or more new interpreters for each start of a service, half a second of a processor each, were most of what the
tests of whole services cost. Here a *nursery*, forked from the supervisor before that has done anything, forks its
children. What a child is given is what the supervisor's own call says, and it becomes the supervisor's own child: its
command line, descriptors, limits, signals and environment are those that it would have with an interpreter of its own,
and what it runs is ``receiver.service.child.main``. Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from receiver.service import child
from receiver.service.launch import GROUP_SIGNALS
from tests.warm_end import run_to_the_end

PADDING = "-" * 1500
"""A last argument of the process that all are forks of: where the command line of a child is written instead."""
REQUEST_BYTES_MAX = 256 * 1024
DESCRIPTORS_MAX = 64
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ADOPTION_S = 60.0
"""Until a child is the supervisor's own; it takes a millisecond."""
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class ForkedChild:
    """What of ``asyncio.subprocess.Process`` a supervisor uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._watched = os.pidfd_open(pid)
        loop.add_reader(self._watched, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        os.close(self._watched)
        self._ended.set_result(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))

    async def wait(self) -> int:
        """The exit code, when it ends; of a signal, its negative number."""
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """SIGKILL; raises ``ProcessLookupError`` where it has ended."""
        if self._ended.done():
            raise ProcessLookupError
        os.kill(self.pid, signal.SIGKILL)


def begin() -> None:
    """Make this process, which is to become a supervisor, one whose children are forks; returns in that one alone."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()
    if os.fork() == 0:
        ours.close()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)  # they are the supervisor's
        arguments = _fork_for_each(theirs, supervisor)
        run_to_the_end(partial(child.main, arguments))
    theirs.close()
    # All that a supervisor starts by it are children.
    asyncio.create_subprocess_exec = _Nursery(ours).start  # type: ignore[assignment]


class _Nursery:
    """In the supervisor: whom it asks for children."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.settimeout(ADOPTION_S)

    async def start(self, *command: str, stdin: int, pass_fds: Sequence[int], env: Mapping[str, str]) -> ForkedChild:
        """Stand for ``asyncio.create_subprocess_exec``; raises ``OSError``."""
        assert stdin == asyncio.subprocess.DEVNULL
        request = {"command": command, "descriptors": list(pass_fds), "environ": dict(env)}
        socket.send_fds(self._line, [json.dumps(request).encode()], pass_fds)
        said = self._line.recv(100)
        if not said:
            raise OSError("the nursery is gone")
        return ForkedChild(int(said))


def _fork_for_each(line: socket.socket, supervisor: int) -> list[str]:
    # Returns in each child, with its arguments. The supervisor waits for what is said here, so it is said in any case,
    # also of a child that is killed before it is what was asked for: the pipe's end is closed by whoever held it.
    while True:
        data, given, _, _ = socket.recv_fds(line, REQUEST_BYTES_MAX, DESCRIPTORS_MAX)
        if not data:
            os._exit(0)
        becoming, become = os.pipe()
        between = os.fork()
        if between == 0:
            # It ends at once, so that its own child is handed to the supervisor.
            between = os.getpid()
            if (made := os.fork()) != 0:
                os.write(become, b"%d" % made)
                os._exit(0)
            os.close(becoming)
            line.close()
            _be_adopted(between, supervisor)
            return _become(become, json.loads(data), given, supervisor)
        os.close(become)
        os.waitpid(between, 0)
        with os.fdopen(becoming, "rb") as told:
            line.send(told.read())
        for descriptor in given:
            os.close(descriptor)


def _be_adopted(between: int, supervisor: int) -> None:
    # A supervisor that is killed meanwhile adopts nobody: whoever waited for it any longer would hold its journal.
    while (parent := os.getppid()) != supervisor:
        if parent != between:
            os._exit(1)
        time.sleep(0.0005)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)


def _become(become: int, request: dict[str, Any], given: list[int], supervisor: int) -> list[str]:
    command = request["command"]
    assert command[:4] == [sys.executable, "-P", "-m", "receiver.service.child"], command
    for number in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environb.update(
        {name.encode(errors="surrogateescape"): text.encode(errors="surrogateescape") for name, text in
         request["environ"].items()}
    )  # fmt: skip
    sys.argv = command[3:]
    _call_itself(command)
    os.close(become)
    _take_over(given, request["descriptors"])
    for limit in LIMITS:
        resource.setrlimit(limit, resource.prlimit(supervisor, limit))
    return list(command[4:])


def _take_over(given: Sequence[int], wanted: Sequence[int]) -> None:
    """Have the descriptors under the numbers that the command line names, and no others."""
    beyond = max(*given, *wanted) + 1
    far = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, beyond) for descriptor in given]
    os.closerange(3, beyond)
    for descriptor, number in zip(far, wanted, strict=True):
        os.dup2(descriptor, number)
    os.closerange(beyond, max(far) + 1)


def _call_itself(command: Sequence[str]) -> None:
    """Show another command line in /proc, in the place of the one that this process was started with."""
    said = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(said[45]), int(said[46])
    line = b"".join(word.encode() + b"\0" for word in command)
    assert len(line) < end - start
    ctypes.memmove(start, line.ljust(end - start, b"\0"), end - start)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(option, value)
