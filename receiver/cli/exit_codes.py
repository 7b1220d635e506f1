"""The exit codes of every command; apart, since the first lines of a new process need one of them."""

from __future__ import annotations

DONE = 0
FAILED = 1
"""Failed, not found, or not sound."""
WRONG_USE = 2
"""Wrong use, or a bad configuration."""
INTERRUPTED = 130
"""Ended by Ctrl-C, as a shell says it: 128 and SIGINT."""
