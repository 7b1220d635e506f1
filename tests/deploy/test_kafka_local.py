"""What brings a broker to a machine with Python alone: which Java counts, which jars, from where, and what is said."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import java_runtime
import kafka_jars
import kafka_local
import maven_client
import maven_settings
import pytest
import wheels
from kafka_jars import Jar

MIRROR = "<mirror><id>{id}</id><mirrorOf>{of}</mirrorOf><url>{url}</url>{more}</mirror>"


def settings(*mirrors: str, servers: str = "", namespace: str = "") -> str:
    """A ``settings.xml``."""
    return f"<settings{namespace}><servers>{servers}</servers><mirrors>{''.join(mirrors)}</mirrors></settings>"


def mirror(of: str, url: str = "https://mirror.example.com/maven", *, name: str = "ours", more: str = "") -> str:
    """One mirror of a ``settings.xml``."""
    return MIRROR.format(id=name, of=of, url=url, more=more)


def fake_java(folder: Path, version: str) -> Path:
    """A program ``java`` that claims a version."""
    folder.mkdir(parents=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "22-ea" 2024-03-19', 22),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", 0),
        ("", 0),
    ],
)
def test_the_version_of_java(said: str, major: int) -> None:
    """Old and new ways to write it, and a stub that is no Java."""
    assert java_runtime.major_version(said) == major


@pytest.mark.parametrize(
    ("in_path", "in_home", "taken"),
    [
        ("17.0.1", "21.0.1", "path"),
        ("1.8.0_292", "21.0.1", "home"),
        (None, "17.0.1", "home"),
        ("11.0.2", "16.0.2", None),
        (None, None, None),
    ],
)
def test_an_old_java_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_path: str | None, in_home: str | None, taken: str | None
) -> None:
    """PATH first, then JAVA_HOME, and neither where it is older than 17."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    made = {
        where: fake_java(tmp_path / folder, version)
        for where, folder, version in (("path", "path", in_path), ("home", "home/bin", in_home))
        if version is not None
    }
    assert java_runtime.of_this_machine() == (made[taken] if taken else None)


@pytest.mark.parametrize(
    ("mirror_of", "stands"),
    [
        ("central", True),
        ("*", True),
        ("external:*", True),
        ("other,central", True),
        ("*, !ours", True),
        ("*,!central", False),
        ("!central,*", False),
        ("external:http:*", False),
        ("other", False),
        ("", False),
    ],
)
def test_what_a_mirror_stands_for(mirror_of: str, *, stands: bool) -> None:
    """Maven's own rules."""
    assert maven_settings.stands_for_central(mirror_of) == stands


def test_the_first_mirror_that_stands_for_central() -> None:
    """Others and blocked ones are passed over; with a namespace or without."""
    blocked = mirror("*", "http://0.0.0.0/", more="<blocked>true</blocked>")
    text = settings(
        mirror("other", "https://a.example.com"), blocked, mirror("*", "https://b.example.com"), mirror("*")
    )
    assert maven_settings.mirror_in(text, {}) == maven_settings.Mirror("https://b.example.com")
    xmlns = ' xmlns="http://maven.apache.org/SETTINGS/1.2.0"'
    found = maven_settings.mirror_in(settings(mirror("central"), namespace=xmlns), {})
    assert found == maven_settings.Mirror("https://mirror.example.com/maven")
    assert maven_settings.mirror_in(settings(), {}) is None


def test_a_mirror_with_its_server() -> None:
    """The server of the same id names the user; the environment is filled in; an encrypted password is none of ours."""
    server = "<server><id>ours</id><username>ann</username><password>{}</password></server>"
    found = maven_settings.mirror_in(settings(mirror("*"), servers=server.format("${env.SECRET}")), {"SECRET": "s3"})
    assert found == maven_settings.Mirror("https://mirror.example.com/maven", "ann", "s3")
    assert "s3" not in repr(found)
    found = maven_settings.mirror_in(settings(mirror("*"), servers=server.format("{abc=}")), {})
    assert found == maven_settings.Mirror("https://mirror.example.com/maven")


def test_where_the_settings_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MAVEN_ARGS before the home folder, the installation's after the user's; what is no XML is named."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert maven_settings.mirror({}) is None
    for folder, url in ((".m2", "https://user"), ("maven/conf", "https://global")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "settings.xml").write_text(settings(mirror("*", url)))
    environ = {"MAVEN_HOME": str(tmp_path / "maven")}
    assert maven_settings.mirror(environ) == maven_settings.Mirror("https://user")
    (tmp_path / ".m2" / "settings.xml").unlink()
    assert maven_settings.mirror(environ) == maven_settings.Mirror("https://global")
    (tmp_path / "mine.xml").write_text("<settings>")
    with pytest.raises(RuntimeError, match=r"mine\.xml cannot be read"):
        maven_settings.mirror({"MAVEN_ARGS": f"-B -s {tmp_path / 'mine.xml'}"})


def test_the_lock_names_what_the_pom_does() -> None:
    """A version that is changed in one is changed in the other."""
    namespace = "{http://maven.apache.org/POM/4.0.0}"
    root = ET.fromstring(kafka_jars.POM.read_text())  # noqa: S314  our own file
    named = {
        ":".join(dependency.findtext(f"{namespace}{tag}", "") for tag in ("groupId", "artifactId", "version"))
        for dependency in root.iter(f"{namespace}dependency")
    }
    locked = kafka_jars.read_lock(kafka_jars.LOCK.read_text())
    assert named
    assert named <= {jar.coordinates for jar in locked}
    assert len({(jar.group, jar.artifact) for jar in locked}) == len({jar.file for jar in locked}) == len(locked)


def test_a_line_that_is_no_jar_is_named() -> None:
    """A lock that was cut or edited by hand."""
    digest = "0" * 64
    assert kafka_jars.read_lock(f"# why\n\norg.x:y_2.13:1.0 {digest}\n") == [Jar("org.x", "y_2.13", "1.0", digest)]
    for line in (f"org.x:y {digest}", "org.x:y:1.0 123", f"org.x:../y:1.0/ {digest}"):
        with pytest.raises(ValueError, match=f"line 2 .*{re.escape(line)}"):
            kafka_jars.read_lock(f"# why\n{line}\n")


def test_a_folder_is_held_to_the_lock(tmp_path: Path) -> None:
    """Changed, missing and additional jars are refused by name."""
    jars = [Jar("g", name, "1", hashlib.sha256(name.encode()).hexdigest()) for name in ("a", "b")]
    for jar in jars:
        (tmp_path / jar.file).write_text(jar.artifact)
    kafka_jars.check(tmp_path, jars)
    (tmp_path / "a-1.jar").write_text("changed")
    (tmp_path / "b-1.jar").rename(tmp_path / "c-1.jar")
    with pytest.raises(RuntimeError, match=r"\(a-1\.jar, b-1\.jar, c-1\.jar\)"):
        kafka_jars.check(tmp_path, jars)


@pytest.mark.kafka
def test_the_jars_that_were_fetched_are_those_of_the_lock() -> None:
    """So the lock is what Maven resolves, where Maven fetched them."""
    assert kafka_local.missing() == []
    kafka_jars.check(kafka_jars.fetch(), kafka_jars.read_lock(kafka_jars.LOCK.read_text()))


class Failed(OSError):
    """As ``requests`` raises it: an ``OSError`` with the answer, if there was one."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__("a long story")
        self.response = None if status is None else SimpleNamespace(status_code=status)


class Repository:
    """Stands for the client: fails as it is told, then sends two pieces."""

    def __init__(self, *failures: Failed) -> None:
        self.requestor = self
        self.asked = 0
        self._failures = failures

    @contextlib.contextmanager
    def request(self, url: str, fail: None, **options: object) -> Iterator[Repository]:
        self.asked += 1
        if self.asked <= len(self._failures):
            raise self._failures[self.asked - 1]
        yield self

    def iter_content(self, size: int) -> list[bytes]:
        return [b"PK", b"..."]


def fetch(repository: Repository, path: Path) -> None:
    """One file from it."""
    maven_client.fetch(repository, "https://example.com/a-1.jar", path)


def test_a_file_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may pass is tried three times; under its name the file is whole, and nothing else is left."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    repository = Repository(Failed(503), Failed())
    fetch(repository, tmp_path / "a-1.jar")
    assert (tmp_path / "a-1.jar").read_bytes() == b"PK..."
    assert (repository.asked, len(list(tmp_path.iterdir()))) == (3, 1)


@pytest.mark.parametrize(
    ("failures", "asked", "said"),
    [
        ([Failed(404)], 1, r"https://example\.com/a-1\.jar cannot be fetched \(status 404\); connect .* mirror in"),
        ([Failed(), Failed(), Failed()], 3, r"cannot be fetched \(Failed\)"),
    ],
)
def test_a_file_that_cannot_be_had_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: list[Failed], asked: int, said: str
) -> None:
    """What was refused is not asked for again."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    repository = Repository(*failures)
    with pytest.raises(RuntimeError, match=said):
        fetch(repository, tmp_path / "a-1.jar")
    assert repository.asked == asked


def test_what_cannot_be_installed_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline and with nothing kept: what failed and what helps, no traceback; the next try starts anew."""
    (tmp_path / "pins.txt").write_text(f"no-such-thing-here==1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(wheels, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RuntimeError, match=r"pip could not install requirements/pins.txt \(.*no-such-thing.*\); help"):
        wheels.install("pins", "a thing is missing", "help yourself.")
    assert not (tmp_path / ".pins-ok").exists()
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(RuntimeError, match=r"a thing is missing; run this with .venv/bin/python"):
        wheels.install("pins", "a thing is missing", "help yourself.")
