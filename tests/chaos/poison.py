"""A bug in native code, as far as a service can see it: a body with a certain word kills whoever parses it.

Loaded through ``PYTHONPATH`` as ``sitecustomize`` by the copy that ``folder`` writes; the service knows nothing of it.
"""

from __future__ import annotations

from pathlib import Path

WORDS = {"abort": "os.abort()", "segv": "signal.raise_signal(signal.SIGSEGV)", "memory": "raise MemoryError"}
"""After ``poison-``, what happens."""

PROGRAM = """
import json, os, signal
_decode = json.JSONDecoder.raw_decode
def decode(decoder, text, *arguments, **options):
{branches}
    return _decode(decoder, text, *arguments, **options)
json.JSONDecoder.raw_decode = decode
"""


def folder(parent: Path) -> Path:
    """Write the module into a folder of its own, and give that."""
    made = parent / "poison"
    made.mkdir(exist_ok=True)
    branches = "\n".join(f'    if "poison-{word}" in text:\n        {deed}' for word, deed in WORDS.items())
    (made / "sitecustomize.py").write_text(PROGRAM.format(branches=branches))
    return made
