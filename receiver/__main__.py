"""``receiver`` and ``python -m receiver``: the command line, which a signal may reach before it is there.

Reading the modules takes a new process most of its first half second. Until a service has handlers of its own, SIGTERM
and Ctrl-C are exit 0, since nothing was taken yet, and SIGHUP is nothing, since the processes that use the secrets read
them later. That exit is at once and not an exception: one raised in the middle of an import has been seen to crash the
interpreter, and a module that is being imported may catch it.
"""

from __future__ import annotations

import os
import signal
import sys

from receiver.cli.exit_codes import DONE, INTERRUPTED


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["serve"]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(DONE))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        from receiver.cli.main import run  # noqa: PLC0415  after what it takes long to come to
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
