"""The two distributions: built the same twice, taken by the tools of the index, and working in a bare environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from receiver.cli.version import commit
from tests.ports import free_port

pytestmark = pytest.mark.tools

ROOT = Path(__file__).parents[2]
PROJECTS = {"exchange_webhook_receiver": ROOT, "exchange_events": ROOT / "schemas"}
VERSION = (ROOT / "schemas/VERSION").read_text("utf-8").strip()
EPOCH = "1700000000"
ALONE = {"exchange_events", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
"""What a consumer has in its process."""


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """What a program prints, which ends well."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both source distributions and wheels; the wheels are made from the tree."""
    folder = tmp_path_factory.mktemp("built")
    for project in PROJECTS.values():
        run(
            *(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder),
            cwd=project,
            SOURCE_DATE_EPOCH=EPOCH,
        )
    return folder


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of the wheels alone; what they need lies where the tests have it, pinned.

    A path in a ``.pth`` brings packages, and no editable install that lies beside them.
    """
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=True)
    target = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    run(*(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "-q"), *OFFLINE, *wheels(built))
    (target / "theirs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


OFFLINE = ("--no-index", "--no-deps", "--disable-pip-version-check")


def wheels(built: Path) -> list[Path]:
    """Both."""
    return sorted(built.glob("*.whl"))


@pytest.mark.long
def test_they_are_the_same_when_they_are_built_again(built: Path, tmp_path: Path) -> None:
    """Byte for byte; also a wheel that is made from the source distribution, elsewhere and later."""
    for project in PROJECTS.values():
        run(
            *(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, project),
            SOURCE_DATE_EPOCH=EPOCH,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in built.iterdir())
    assert len(list(built.iterdir())) == 4
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (built / path.name).read_bytes(), path.name


def test_the_index_and_its_tools_take_them(built: Path) -> None:
    """The description renders, and no wheel brings a name that others have too."""
    files = sorted(built.iterdir())
    assert run(sys.executable, "-m", "twine", "check", "--strict", *files).count("PASSED") == len(files)
    run(Path(sys.executable).parent / "check-wheel-contents", *wheels(built))
    for path in wheels(built):
        tops = {name.partition("/")[0] for name in zipfile.ZipFile(path).namelist()}
        name = path.name.partition("-")[0]
        assert tops == {f"{name}-{VERSION}.dist-info", "receiver" if name != "exchange_events" else name}


def test_a_source_distribution_is_whole(built: Path) -> None:
    """It has what its wheel is made from, and nothing of a developer's."""
    for path in built.glob("*.tar.gz"):
        with tarfile.open(path) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert {"pyproject.toml", "README.md", "LICENSE"} <= names
        assert not {name for name in names if name.startswith(("tests/", "var/", ".venv/")) or "__pycache__" in name}
    assert (ROOT / "LICENSE").read_text("utf-8") == (ROOT / "schemas/LICENSE").read_text("utf-8")


def test_there_is_one_version() -> None:
    """Both have it from ``schemas/VERSION``, and the receiver takes the events of its own release."""
    assert {version("exchange-webhook-receiver"), version("exchange-events")} == {VERSION}
    needed = {Requirement(line).name: Requirement(line) for line in requires("exchange-webhook-receiver") or ()}
    assert VERSION in needed["exchange-events"].specifier
    assert [Requirement(line).name for line in requires("exchange-events") or ()] == ["pydantic"]


def test_a_consumer_has_nothing_but_pydantic(bare: Path, tmp_path: Path) -> None:
    """And nothing is called ``schemas``."""
    program = (
        "import sys; import exchange_events as e; from importlib.util import find_spec\n"
        "print(e.__file__, find_spec('schemas'))\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    place, modules = run(bare / "python", "-P", "-c", program, cwd=tmp_path).splitlines()
    assert place.startswith(str(bare.parent))
    assert place.endswith(" None")
    assert {name for name in modules.split() if not name.startswith(("_", "sitecustomize"))} <= ALONE


def test_the_commands_work_without_a_checkout(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version names the commit it was built from, and the documents are there."""
    monkeypatch.setattr("receiver.cli.version.GIT_TIMEOUT_S", 60)
    said = run(bare / "receiver", "--version", cwd=tmp_path).strip()
    assert said == f"receiver {VERSION}, commit {commit().removesuffix('-dirty')}"
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    listed = set(run(bare / "receiver", "docs", cwd=tmp_path).split())
    assert pages | {"README.md", "RUNBOOK.md", "CHANGELOG.md"} <= listed
    assert run(bare / "receiver", "docs", "RUNBOOK.md", cwd=tmp_path) == (ROOT / "deploy/RUNBOOK.md").read_text("utf-8")
    assert "status_event.v1.schema.json" in run(bare / "receiver", "schemas", cwd=tmp_path)


@pytest.mark.service
def test_dev_shows_events_without_a_checkout(bare: Path, tmp_path: Path) -> None:
    """Whole: HTTP, journal, interpreter and a simulated provider."""
    ports = ("--port", str(free_port()), "--admin-port", str(free_port()))
    command = [str(bare / "receiver"), "dev", "--simulate", *ports]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as dev:
        assert dev.stdout is not None
        try:
            assert dev.stdout.readline().strip()
        finally:
            dev.send_signal(signal.SIGINT)
        out, said = dev.communicate(timeout=60)
    assert dev.returncode == 0, out + said
