"""``python -m receiver``: the command line."""

from receiver.cli import main

main()
