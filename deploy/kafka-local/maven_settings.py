"""Where Maven would fetch from on this machine: the mirror of Maven Central in the user's settings, if there is one."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

CENTRAL = "central"


@dataclass(frozen=True)
class Mirror:
    """A repository that stands for Maven Central, with what its ``<server>`` of the same id says."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def mirror(environ: Mapping[str, str] = os.environ) -> Mirror | None:
    """The user's mirror, else the installation's; none is none. Raises ``RuntimeError`` for a file that is not XML."""
    for path in _files(environ):
        if path.is_file():
            try:
                found = mirror_in(path.read_text(encoding="utf-8"), environ)
            except (ET.ParseError, UnicodeDecodeError, OSError) as error:
                raise RuntimeError(f"Maven's settings {path} cannot be read: {error}") from error
            if found is not None:
                return found
    return None


def mirror_in(text: str, environ: Mapping[str, str]) -> Mirror | None:
    """The mirror of Maven Central in one ``settings.xml``; raises ``ParseError``."""
    root = ET.fromstring(text)  # noqa: S314  the user's own file
    for each in root.iterfind("{*}mirrors/{*}mirror"):
        url = _text(each, "url", environ)
        if url and _text(each, "blocked", environ) != "true" and stands_for_central(_text(each, "mirrorOf", environ)):
            return _with_server(root, url, _text(each, "id", environ), environ)
    return None


def stands_for_central(mirror_of: str) -> bool:
    """Whether a ``mirrorOf`` names Maven Central, by Maven's own rules: ``*``, ``external:*``, ids, ``!ids``."""
    matches = False
    for pattern in (part.strip() for part in mirror_of.split(",")):
        if pattern == f"!{CENTRAL}":
            return False
        if pattern == CENTRAL:
            return True
        matches = matches or pattern in {"*", "external:*"}
    return matches


def _files(environ: Mapping[str, str]) -> list[Path]:
    words = shlex.split(environ.get("MAVEN_ARGS", ""))
    named = [Path(after) for flag, after in itertools.pairwise(words) if flag in {"-s", "--settings"}]
    user = named or [Path.home() / ".m2" / "settings.xml"]
    homes = [environ[name] for name in ("MAVEN_HOME", "M2_HOME") if environ.get(name)]
    return user + [Path(home) / "conf" / "settings.xml" for home in homes]


def _with_server(root: ET.Element, url: str, name: str, environ: Mapping[str, str]) -> Mirror:
    for server in root.iterfind("{*}servers/{*}server"):
        password = _text(server, "password", environ)
        # A password in braces is encrypted with a key of Maven's own: ~/.netrc is the way there.
        if _text(server, "id", environ) == name and password and not password.startswith("{"):
            return Mirror(url, _text(server, "username", environ) or None, password)
    return Mirror(url)


def _text(element: ET.Element, tag: str, environ: Mapping[str, str]) -> str:
    text = (element.findtext(f"{{*}}{tag}") or "").strip()
    return re.sub(r"\$\{env\.([^}]+)\}", lambda found: environ.get(found[1], ""), text)
