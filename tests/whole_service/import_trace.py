"""Which distributions each process of a running service has imported: ``python -m tests.whole_service.import_trace``.

It runs the service for a moment with a callback and without a broker, has each process write down what it has imported
when it ends, and puts that as a table into ``SECURITY.md``, where a test holds it against the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.ports import free_port

DOCUMENT = Path(__file__).parents[2] / "SECURITY.md"
BEGIN, END = "<!-- processes -->\n", "<!-- /processes -->"
NOT_OURS_TO_IMPORT = {"_distutils_hack"}
"""What an environment puts into every interpreter: setuptools does."""
OURS = "exchange-webhook-receiver"
POLLED = """
poll = {{ base_url = "http://127.0.0.1:{port}" }}
"""
"""For the last source: a provider to ask, which does not answer."""
AT_THE_END = """\
import atexit, json, os, sys

def note():
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if sys.argv[0].endswith("child.py") or role == "serve":
        name = "supervisor" if role == "serve" else role
        with open(os.path.join({folder!r}, name + "." + str(os.getpid())), "w") as file:
            json.dump(sorted(sys.modules), file)

atexit.register(note)
"""


def trace(folder: Path) -> Mapping[str, frozenset[str]]:
    """Process → the distributions that it has imported, ours aside."""
    (folder / "seen").mkdir()
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(AT_THE_END.format(folder=str(folder / "seen")))
    with Service(folder / "service", f"127.0.0.1:{free_port()}") as service:
        service.config.write_text(service.config.read_text().rstrip("\n") + POLLED.format(port=free_port()))
        service.environ |= {"PYTHONPATH": str(folder / "hook")}
        with service.log.open("ab") as log:  # with an interpreter of its own: a fork has what others have imported
            command = [sys.executable, "-m", "receiver", "serve", "--config", str(service.config)]
            service.process = subprocess.Popen(
                command, env=service.environ, cwd=service.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        service.wait_ready()
        until(lambda: (service.readyz() or {}).get("reconcile", {}).get("state") == "up")
        assert service.post_swap({"id": "s", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}) == 200
        until(lambda: (service.readyz() or {})["kafka"]["backlog"] == 1)
        assert service.stop() == 0
    owners = packages_distributions()
    found: dict[str, frozenset[str]] = {}
    for file in sorted((folder / "seen").iterdir()):
        modules = {name.partition(".")[0] for name in json.loads(file.read_text())} - NOT_OURS_TO_IMPORT
        owned = {owner for name in modules for owner in owners.get(name, ())} - {OURS}
        role = file.name.partition(".")[0]
        found[role] = found.get(role, frozenset()) | frozenset(name.lower().replace("_", "-") for name in owned)
    return found


def table(traced: Mapping[str, frozenset[str]]) -> str:
    """As it stands in the document."""
    rows = [f"| {role} | {', '.join(sorted(traced[role]))} |" for role in sorted(traced)]
    return "\n".join(["| process | distributions |", "|---|---|", *rows]) + "\n"


def written(text: str, traced: Mapping[str, frozenset[str]]) -> str:
    """The document with the table made anew."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, "the document has no place for the table"
    assert end, "the document's table has no end"
    return before + begin + table(traced) + end + after


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), trace(Path(made))), "utf-8")
    sys.stdout.write(f"wrote the table in {DOCUMENT.name}\n")
