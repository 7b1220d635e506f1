"""A program that stands for ``receiver`` in a shell's script: a warm process forks what it is called for.

It is run alone by an interpreter without anything of ours, which starts in a hundredth of a second, and holds the line
to the process that forks as an open descriptor, which the shell hands on. The command has its arguments, environment,
folder, output and process group; it passes on to the command the signals that end it or have it read its secrets, and
ends as that does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

LINE = "WARM_LINE"
"""The variable that says which descriptor that is."""


def main() -> None:
    """Have the command forked, and be it until it ends."""
    environ = dict(os.environ)
    line = socket.socket(fileno=int(environ.pop(LINE)))
    request = {
        "arguments": sys.argv[1:], "environ": environ, "folder": str(Path.cwd()), "program": None,
        "children": sys.argv[1:2] == ["serve"], "place": {"group": os.getpgrp()},
    }  # fmt: skip
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    socket.send_fds(line, [json.dumps(request).encode()], [1, 2, theirs.fileno()])
    theirs.close()
    command = int(ours.recv(100))

    def pass_on(number: int, _: FrameType | None) -> None:
        os.kill(command, number)

    for number in signals:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    code = int(ours.recv(100))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
