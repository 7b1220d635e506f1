"""``receiver`` and ``python -m receiver``: the command line, which a signal may reach before it is there.

Python puts the current folder, or the folder of a script, before everything else that it imports from. Whatever lies
there would run as this program, so the first thing is to take it off again; what imports is inside ``main`` for that.

Reading the modules takes a new process most of its first half second. Until a service has handlers of its own, SIGTERM
and Ctrl-C are exit 0, since nothing was taken yet, and SIGHUP is nothing, since the processes that use the secrets read
them later. That exit is at once and not an exception: one raised in the middle of an import has been seen to crash the
interpreter, and a module that is being imported may catch it.
"""

import os
import sys

# ruff: noqa: PLC0415  see above


def main() -> None:
    """Run the command line and exit."""
    _leave_the_current_folder()
    import signal

    from receiver.cli.command_word import command_word
    from receiver.cli.exit_codes import DONE, INTERRUPTED

    _fill_standard_descriptors()
    if command_word(sys.argv[1:]) == "serve":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(DONE))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        from receiver.cli.main import run  # after what it takes long to come to
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(run(sys.argv[1:]))


def _leave_the_current_folder() -> None:
    # Only where this very program was found there does it stay: a checkout that is not installed.
    home = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120  pathlib is not imported yet
    if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0]) != home:
        del sys.path[0]
    by_mistake = os.environ.get("PYTHONPATH", "").split(os.pathsep)  # an empty entry is the current folder too
    if len(by_mistake) > 1 and "" in by_mistake:
        sys.path[:] = [path for path in sys.path if os.path.realpath(path) not in {os.path.realpath("")} - {home}]


def _fill_standard_descriptors() -> None:
    # A closed one would be given to the next file or socket that is opened, and written to as if it were the output.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one


if __name__ == "__main__":
    main()
