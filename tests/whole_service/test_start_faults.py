"""Each fault of a start is one sentence and an exit code, and no traceback ever."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.service import Service, until
from tests.ports import free_port
from tests.warm_commands import NO_PLACE, WarmCommands, WarmProcess
from tests.warm_places import Place
from tests.whole_service.starting import (
    ORDINARY,
    RECEIVER,
    as_root,
    run,
    sentence,
    serve,
)


def _file(path: Path) -> None:
    path.write_bytes(b"")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _store_is_a_folder(path: Path) -> None:
    (path / "inbox.db").mkdir(parents=True)


def _lock_is_a_folder(path: Path) -> None:
    (path / "journal.lock").mkdir(parents=True)


def _garbage(path: Path) -> None:
    path.mkdir()
    (path / "outbox.db").write_bytes(b"no database " * 1000)


@pytest.mark.parametrize("prepare", [_file, _dangling, _loop, _store_is_a_folder, _lock_is_a_folder, _garbage])
@pytest.mark.parametrize("command", ["serve", "dev"])
def test_what_is_in_the_journals_place_is_named(
    service: Service, prepare: Callable[[Path], None], command: str
) -> None:
    """A file, a link to nothing or to itself, a folder in the place of a file, and what is no database."""
    prepare(service.folder / "journal")
    done = run(service, command)
    done.stderr = "\n".join(line for line in done.stderr.splitlines() if "receiver: " in line)  # dev announces itself
    sentence(done, str(service.folder / "journal"))


def test_a_parent_that_is_a_file_is_named(service: Service) -> None:
    """And no folder is made anywhere."""
    service.environ["RECEIVER_JOURNAL__URL"] = f"sqlite:{service.config}/var/journal"
    sentence(run(service, "serve"), str(service.config), "Not a directory")


@pytest.mark.parametrize("command", ["serve", "export"])
def test_a_folder_that_may_not_be_used_is_named(service: Service, command: str) -> None:
    """By somebody without root's rights."""
    as_root()
    folder = service.folder / "journal"
    folder.mkdir()
    os.chown(folder, 12345, 23456)
    folder.chmod(0o700)
    sentence(run(service, command, place=ORDINARY), str(folder), "Permission denied")


def test_a_store_that_may_not_be_read_is_named(service: Service) -> None:
    """With whose it is, where SQLite has no reason."""
    as_root()
    service.start()
    service.wait_ready()
    assert service.stop() == 0
    os.chown(service.folder / "journal/inbox.db", 12345, 23456)
    sentence(run(service, "serve", place=ORDINARY), "inbox.db", "belongs to user 12345")


@pytest.mark.parametrize(
    ("options", "reason"),
    [("ro", "Read-only file system"), ("size=4k,nr_inodes=100", "full"), ("size=24k", ""), ("nr_inodes=2", "No space")],
)
def test_a_volume_that_takes_nothing_is_named(service: Service, options: str, reason: str) -> None:
    """Read-only, full at once, full on the way, out of inodes."""
    as_root()
    folder = service.folder / "journal"
    folder.mkdir()
    place = Place(mounts=[f"mount -t tmpfs -o {options} none {shlex.quote(str(folder))}"])
    sentence(run(service, "serve", place=place), str(folder), reason)


@pytest.mark.parametrize("files", [12, 16, 20])
def test_too_few_open_files_are_said(service: Service, files: int) -> None:
    """However far it comes before they are used up."""
    service.forks = False  # who forks its children would need some too
    errors = service.folder / "errors"
    assert_said_or_stopped(service, serve(service, Place(files=(files, files)), errors), errors)


def test_too_few_open_files_are_said_by_a_new_interpreter(service: Service) -> None:
    """Which has to read all its modules with as few."""
    errors = service.folder / "errors"
    command = ["prlimit", "--nofile=9", *RECEIVER, "serve", "--config", str(service.config)]
    with service.log.open("ab") as log, errors.open("ab") as err:
        service.process = subprocess.Popen(command, env=service.environ, cwd=service.folder, stdout=log, stderr=err)
    assert_said_or_stopped(service, service.process, errors)


def assert_said_or_stopped(service: Service, started: WarmProcess | subprocess.Popen[bytes], errors: Path) -> None:
    """It ends by itself and says why, or it runs and ends when it is told to; in any case without a traceback."""
    until(lambda: started.poll() is not None or "serve.started" in service.log.read_text())
    try:
        code = started.wait(4)
    except subprocess.TimeoutExpired:
        started.terminate()
        assert started.wait(20) == 0
    else:
        assert code == 1
        assert "oo many open files" in errors.read_text()
    assert "Traceback" not in errors.read_text() + service.log.read_text()


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _unreadable(path: Path) -> None:
    os.chown(path, 12345, 23456)
    path.chmod(0o600)


def _utf_16(path: Path) -> None:
    path.write_text(path.read_text(), "utf-16")


def _latin_1(path: Path) -> None:
    path.write_text("# Gegenüber\n" + path.read_text(), "latin-1")


@pytest.mark.parametrize("spoil", [_directory, _unreadable, _utf_16, _latin_1, Path.unlink])
def test_a_configuration_that_cannot_be_read_is_named(service: Service, spoil: Callable[[Path], None]) -> None:
    """With its path, exit 2."""
    if spoil is _unreadable:
        as_root()
    spoil(service.config)
    environ = {**service.environ, "RECEIVER_CONFIG": str(service.config)}
    place = ORDINARY if spoil is _unreadable else NO_PLACE
    done = WarmCommands.like(environ).run(["serve"], environ, service.folder, 60, place=place)
    sentence(done, str(service.config), code=2)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("no-such-host.invalid", "there is no such host"),
        ("[::1]", "without brackets"),
        ("a..b", "no name of a host"),
        ("192.0.2.1", "Cannot assign requested address"),
    ],
)
def test_a_host_that_is_none_is_named(service: Service, host: str, reason: str) -> None:
    """By ``serve``, and by ``check`` where any machine could know."""
    environ = {"RECEIVER_SERVER__HOST": host}
    sentence(run(service, "serve", environ=environ), host, "server.host", reason)
    if host != "192.0.2.1":
        sentence(run(service, "check", environ=environ), host, "server.host", reason, code=2)


def test_a_privileged_port_is_named(service: Service) -> None:
    """For who may not use it."""
    as_root()
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip()
    if int(limit) <= 80:
        pytest.skip("every port is everybody's here")
    sentence(run(service, "serve", place=ORDINARY, environ={"RECEIVER_SERVER__PORT": "80"}), ":80", "Permission denied")


def test_an_ipv6_address_is_listened_on(service: Service) -> None:
    """Without brackets; `check` shows the path, since this host's own address is none that a provider reaches."""
    done = run(service, "check", environ={"RECEIVER_SERVER__HOST": "::1"})
    assert "the path is /webhooks/swaps" in done.stdout
    service.environ["RECEIVER_SERVER__HOST"] = "::1"
    service.start()
    service.wait_ready()
    with socket.create_connection(("::1", service.port), timeout=60):
        assert service.stop() == 0


def test_a_port_in_use_is_named(service: Service) -> None:
    """With its keys."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = run(service, "serve", environ={"RECEIVER_ADMIN__PORT": str(port)})
    sentence(done, f"127.0.0.1:{port}", "admin.host", "in use")
