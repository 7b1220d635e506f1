"""Files of a Maven repository without Maven: ``maven-artifact`` (``requirements/maven.txt``) does the asking.

It knows the way to a file and the default repository, and takes a proxy and ``~/.netrc`` as ``requests`` does. Its own
``download`` writes straight to the final name, checks nothing the first time and waits without limit, so the writing is
done here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import maven_settings

if TYPE_CHECKING:
    from maven_artifact.downloader import Downloader

TIMEOUTS_S = (10.0, 60.0)
"""To connect, and between two pieces."""
ATTEMPTS = 3
PIECE_BYTES = 1 << 16
ADVICE = "connect this machine, set HTTPS_PROXY, or name a mirror in ~/.m2/settings.xml"


def download(wanted: Mapping[str, Path]) -> None:
    """Fetch each ``group:artifact:version`` to its path, in order; what is written is whole, whoever checks its hash.

    Raises ``RuntimeError`` with one sentence for the first that cannot be had; those before it stay.
    """
    from maven_artifact.artifact import Artifact  # noqa: PLC0415  installed on demand
    from maven_artifact.downloader import Downloader  # noqa: PLC0415

    mirror = maven_settings.mirror()
    client = Downloader() if mirror is None else Downloader(mirror.url, mirror.username, mirror.password)
    for coordinates, path in wanted.items():
        fetch(client, client.resolver.uri_for_artifact(Artifact.parse(coordinates)), path)


def fetch(client: Downloader, url: str, path: Path) -> None:
    """Fetch one file, in ``ATTEMPTS``; at its path it is whole or not there. Raises ``RuntimeError``."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _stream(client, url, path.with_suffix(".tmp"))
        except OSError as error:  # what requests raises is an OSError, a full disk is one too
            if attempt == ATTEMPTS or _refused(error):
                raise RuntimeError(f"{url} cannot be fetched ({_reason(error)}); {ADVICE}.") from error
            time.sleep(attempt)
        else:
            path.with_suffix(".tmp").rename(path)
            return


def _stream(client: Downloader, url: str, path: Path) -> None:
    with client.requestor.request(url, None, stream=True, timeout=TIMEOUTS_S) as answer, path.open("wb") as file:
        for piece in answer.iter_content(PIECE_BYTES):
            file.write(piece)


def _status(error: OSError) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0))


def _refused(error: OSError) -> bool:
    """Whether asking again is no use."""
    return 400 <= _status(error) < 500


def _reason(error: OSError) -> str:
    # What requests says for itself is a chain of three exceptions in one line.
    return f"status {_status(error)}" if _status(error) else type(error).__name__
