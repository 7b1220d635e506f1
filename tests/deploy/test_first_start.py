"""What a broker's first start leaves to the later ones: with a stand-in for the broker, and with Kafka's own format."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import first_start
import java_runtime
import kafka_jars
import pytest
from kafka_local import LocalKafka


class FirstStart:
    """Stands for the broker that is started once: it formats a folder, and Java writes an archive if it can."""

    def __init__(self, *, archives: bool = True) -> None:
        self.starts = 0
        self._archives = archives

    def __call__(self, folder: Path, option: str) -> Path:
        self.starts += 1
        data = folder / "data"
        data.mkdir(parents=True)
        (data / first_start.BOOTSTRAP).write_bytes(b"features")
        if self._archives:
            Path(option.removeprefix("-XX:ArchiveClassesAtExit=")).write_bytes(b"classes")
        return data


@pytest.fixture(autouse=True)
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jars and a Java of the test's own."""
    jars, java = tmp_path / "jars", tmp_path / "java"
    (jars / "0123").mkdir(parents=True)
    java.write_text("")
    monkeypatch.setattr(kafka_jars, "JARS", jars)
    monkeypatch.setattr(kafka_jars, "fetch", lambda: jars / "0123")
    monkeypatch.setattr(java_runtime, "java", lambda: java)
    return java


def test_it_is_made_once_however_many_want_it(java: Path) -> None:
    """The others wait; nothing of the broker itself is kept. Another Java has classes of its own."""
    start, found = FirstStart(), set[Path]()
    threads = [threading.Thread(target=lambda: found.add(first_start.fetch(start))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (folder,) = found
    assert start.starts == 1
    assert {path.name for path in folder.iterdir()} == {first_start.BOOTSTRAP, first_start.CLASSES}
    other = java.with_name("other-java")
    other.write_text("")
    java.unlink()
    java.symlink_to(other)
    assert first_start.fetch(start) != folder
    assert start.starts == 2


def test_one_that_failed_is_made_anew() -> None:
    """Whatever it left; what there is under its name is whole."""

    def fails(folder: Path, option: str) -> Path:
        FirstStart()(folder, option)
        raise RuntimeError("the broker was not ready")

    with pytest.raises(RuntimeError, match="not ready"):
        first_start.fetch(fails)
    assert (first_start.fetch(FirstStart()) / first_start.CLASSES).exists()


def test_a_java_that_archives_nothing_is_asked_for_nothing() -> None:
    """It starts brokers as before."""
    assert first_start.options(first_start.fetch(FirstStart(archives=False))) == []
    os.utime(java_runtime.java(), ns=(1, 1))  # another one in its place
    folder = first_start.fetch(FirstStart())
    assert first_start.options(folder) == [f"-XX:SharedArchiveFile={folder / first_start.CLASSES}"]


def test_each_folder_gets_a_name_of_its_own(tmp_path: Path) -> None:
    """16 bytes as Kafka writes them, and never like an option; the features are those that were kept."""
    made = first_start.fetch(FirstStart())
    names = set()
    for number in range(200):
        data = tmp_path / str(number)
        first_start.format_folder(made, data, "cluster-1", 3)
        assert (data / first_start.BOOTSTRAP).read_bytes() == b"features"
        said = dict(line.split("=") for line in (data / "meta.properties").read_text().splitlines())
        name = said.pop("directory.id")
        assert said == {"version": "1", "cluster.id": "cluster-1", "node.id": "3"}
        assert len(base64.urlsafe_b64decode(name + "==")) == 16
        assert not name.startswith("-")
        names.add(name)
    assert len(names) == 200


@pytest.mark.kafka
def test_a_folder_is_formatted_as_kafkas_own_program_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files, with the same things said about the cluster and the node."""
    monkeypatch.undo()
    with monkeypatch.context() as patch:
        patch.setattr(LocalKafka, "_launch", lambda *_: None)
        theirs = LocalKafka(tmp_path / "theirs", node=2).start_first("")
        LocalKafka(tmp_path / "ours", node=2).start()
    ours = tmp_path / "ours/data"
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
    said = [
        {line.partition("=")[0]: line for line in (data / "meta.properties").read_text().splitlines() if "=" in line}
        for data in (ours, theirs)
    ]
    for one in said:
        one.pop("directory.id")
    assert said[0] == said[1]
