r"""Text that a stranger wrote, made safe for a terminal. Pure.

A control character moves the cursor, writes the clipboard or ends a line; a bidirectional one shows text in another
order than it has; an invisible one hides what is there. Each is shown as its escape: ``\x1b``, ``\u202e``. What is
safe is what ``str.isprintable`` says, which leaves nothing of Unicode's control, format, surrogate, private, unassigned
and separating characters but the space.
"""

from __future__ import annotations

import json
import re

_BLANKS = re.compile(r"[\t\r\n]")


def printable(text: str) -> str:
    """The text on one line, with an escape for whatever is not printed."""
    if text.isprintable():
        return text
    return "".join([one if one.isprintable() else one.encode("unicode_escape").decode() for one in text])


def printable_json(line: bytes) -> bytes:
    """The same JSON on one line, with escapes in its texts for whatever is not printed; bytes that are no JSON too."""
    if line.isascii() and line.decode().isprintable():
        return line
    text = _BLANKS.sub(" ", line.decode("utf-8", "backslashreplace"))  # raw ones stand between values only
    if text.isprintable():
        return text.encode()
    return "".join([one if one.isprintable() else _escaped(one) for one in text]).encode()


def _escaped(character: str) -> str:
    return r"\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
