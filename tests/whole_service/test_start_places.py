"""Started where people start it: beside other services, on a read-only root, on a volume of somebody else."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.service import Service, until
from tests.warm_commands import NO_PLACE
from tests.warm_places import Place
from tests.whole_service.starting import (
    LINKS,
    RECEIVER,
    SCRIPT,
    SWAP,
    as_root,
    log_of,
    run,
    sentence,
    serve,
)


def test_service_links_are_named_once_and_ignored(service: Service) -> None:
    """A Kubernetes Service named as we are; what is mistyped is an error beside them."""
    service.environ |= LINKS
    done = run(service, "check")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stderr for name in LINKS)
    service.start()
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    assert service.stop() == 0
    said = [line for line in log_of(service) if line["event"] == "serve.service_links_ignored"]
    assert [line["names"] for line in said] == [sorted(LINKS)]
    sentence(run(service, "check", environ={"RECEIVER_SERVER_PORT": "8080"}), "RECEIVER_SERVER_PORT", code=2)


def test_it_runs_on_a_read_only_root_without_temp_folder_and_home(service: Service) -> None:
    """Only the journal's volume can be written to, as in a container that is locked down."""
    as_root()
    volume = service.folder / "journal"
    volume.mkdir()
    service.environ = {name: value for name, value in service.environ.items() if name not in {"HOME", "TMPDIR"}}
    quoted = shlex.quote(str(volume))
    mounts = ["mount --make-rprivate /", f"mount --bind {quoted} {quoted}", "mount -o remount,bind,ro /"]
    before = ["unshare", "-m", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh"]
    with service.log.open("ab") as log:
        command = [*before, *RECEIVER, "serve", "--config", str(service.config)]
        service.process = subprocess.Popen(command, env=service.environ, cwd="/", stdout=log, stderr=log)
    service.wait_ready()
    body = {**SWAP, "metadata": "x" * 100_000}
    assert [service.post_swap({**body, "id": f"swap-{number}"}) for number in range(70)] == [200] * 70
    until(lambda: (service.readyz() or {})["interpret"].get("interpreted") == 70, 20)
    assert service.stop() == 0
    assert all(line["level"] == "info" for line in log_of(service)), service.tail_of_log()


@pytest.mark.parametrize("mode", [0o2770, 0o2777, 0o700])
def test_the_folder_of_somebody_else_is_left_as_it_is(service: Service, mode: int) -> None:
    """A volume by ``fsGroup``: used, its mode untouched, named with owner and mode; its files are for the group."""
    as_root()
    folder = service.folder / "journal"
    folder.mkdir()
    os.chown(folder, 12345, 23456)
    folder.chmod(mode)
    place = Place(ordinary=True, groups=[23456]) if mode != 0o700 else NO_PLACE  # only root can use that one
    serve(service, place)
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    assert service.stop() == 0
    assert folder.stat().st_mode & 0o7777 == mode
    said = [line for line in log_of(service) if line["event"] == "serve.journal_folder_of_others"]
    assert len(said) == 1
    assert "12345" in str(said[0]["why"])
    assert f"{mode:o}" in str(said[0]["why"])
    files = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(files.values()) == ({0o600} if mode == 0o700 else {0o660}), files
    done = run(service, "check", place=place)
    assert (done.returncode, "12345" in done.stderr) == (0, True)


def test_a_link_to_a_folder_of_ours_is_followed(service: Service) -> None:
    """As somebody has it who moved the journal to a larger disk."""
    (service.folder / "elsewhere").mkdir()
    (service.folder / "journal").symlink_to("elsewhere")
    service.start()
    service.wait_ready()
    assert service.stop() == 0
    assert (service.folder / "elsewhere" / "inbox.db").exists()


NAMES = (
    *("logging", "socket", "types", "exchange_events", "signal", "enum", "json"),
    *("asyncio", "apsw", "orjson", "uvloop"),
)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """A folder full of modules of the same names, each of which leaves a trace where it runs."""
    folder, trace = tmp_path / "hostile", tmp_path / "trace"
    folder.mkdir()
    program = f"with open({str(trace)!r}, 'a') as file: print(__name__, file=file)\n"
    for name in NAMES:
        (folder / f"{name}.py").write_text(program)
    for package in ("receiver", "receiver/service", "click"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(program)
    yield folder
    assert not trace.exists(), trace.read_text()


def test_nothing_is_imported_from_the_current_folder(service: Service, hostile: Path) -> None:
    """By the command as it is installed, and by the processes of the service, also those that are started again."""
    with service.log.open("ab") as log:
        command = [str(SCRIPT), "serve", "--config", str(service.config)]
        service.process = subprocess.Popen(command, env=service.environ, cwd=hostile, stdout=log, stderr=log)
    service.wait_ready()
    before = service.child("interpret")
    assert service.kill("interpret")
    until(lambda: service.child("interpret") not in {before, None})
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    done = subprocess.run(
        [str(SCRIPT), "check", "--config", str(service.config)], env=service.environ, cwd=hostile, check=False
    )
    assert done.returncode == 0
    assert service.stop() == 0


def test_python_m_imports_nothing_from_the_current_folder_either(service: Service, hostile: Path) -> None:
    """From its own first line on: what Python itself reads before that, and the program's name, are out of reach."""
    for name in ("types.py", "enum.py", "signal.py"):
        (hostile / name).unlink()
    for path in ("receiver/service/__init__.py", "receiver/__init__.py"):
        (hostile / path).unlink()
    (hostile / "receiver/service").rmdir()
    (hostile / "receiver").rmdir()
    with service.log.open("ab") as log:
        command = [*RECEIVER, "serve", "--config", str(service.config)]
        service.process = subprocess.Popen(command, env=service.environ, cwd=hostile, stdout=log, stderr=log)
    service.wait_ready()
    assert service.stop() == 0
