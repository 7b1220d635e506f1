"""The image: built as it is published, and run as it is meant to be, without a registry and without root's rights.

Where buildah and mmdebstrap are (both of Debian): its base is made from Debian's packages, once for a machine, since no
registry of images can be relied on here. Only ``PYTHON_IMAGE`` differs from what users build.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chaos.service import SECRETS, Service, until
from tests.trace.collector import collecting

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/compose"
BASE = "localhost/receiver-tests-python:bookworm"
IMAGE = "localhost/receiver-tests:built"
ABOVE_BASE_MB_MAX = 120
SERVED = ("--isolation", "chroot", "--network", "host")
pytestmark = [pytest.mark.timeout(900), pytest.mark.long(seconds=150)]
"""Once for a machine Debian's packages are fetched for the base, and then the image is built; others wait meanwhile."""
CONFINED = ("--cap-drop", "ALL", "--user", "65532:65532")


def run(*command: str, timeout_s: float = 600) -> str:
    """Run a command that must succeed; what it prints."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def image_mb(name: str) -> float:
    """Give the size of an image that is here, in megabytes."""
    number, unit = json.loads(run("buildah", "images", "--json", name))[0]["size"].split()
    return float(number) * {"MB": 1, "GB": 1000}[unit]


def make_base() -> None:
    """Make the base image where it is not: Debian's Python, in the place of the official image."""
    if (
        subprocess.run(["buildah", "inspect", "--type", "image", BASE], capture_output=True, check=False).returncode
        == 0
    ):
        return
    archive = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "receiver-tests/base.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        made = archive.with_name(f"{os.getpid()}.tar")
        run("mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm",
            str(made))  # fmt: skip
        made.rename(archive)
    container = run("buildah", "from", "scratch")
    run("buildah", "add", "--quiet", container, str(archive), "/")
    run("buildah", "commit", "--quiet", container, BASE)
    run("buildah", "rm", container)


@pytest.fixture(scope="module")
def image() -> str:
    """Give the image, built from this checkout; what this machine sets for pip is handed on.

    Steps are kept, as Docker keeps them: one is repeated where its base, its words or its files are others, so the
    packages are installed anew when a pin changes. An image of an earlier run that is another one is removed.
    """
    for program in ("buildah", "mmdebstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here; Debian has it as a package")
    if os.geteuid() != 0:
        pytest.skip("without root a build in chroot isolation cannot mount")
    make_base()
    settings = [f"--env={name}={value}" for name, value in os.environ.items() if name.startswith("PIP_")]
    mounted = [place for place in ("/etc/ssl/certs", "/etc/pip.conf") if Path(place).exists()]
    before = subprocess.run(["buildah", "images", "--quiet", "--no-trunc", IMAGE], capture_output=True, text=True,
                            check=False).stdout.split()  # fmt: skip
    run("buildah", "bud", "--quiet", "--layers", "--format", "docker", *SERVED, *settings,
        *(f"--volume={place}:{place}:ro" for place in mounted), "--build-arg", f"PYTHON_IMAGE={BASE}",
        "--build-arg", "COMMIT=0123456789ab", "--ignorefile", ".containerignore",
        "-f", "deploy/container/Containerfile", "-t", IMAGE, ".")  # fmt: skip
    if before and before != run("buildah", "images", "--quiet", "--no-trunc", IMAGE).split():
        # Refused, and rightly, where another run has a container of it.
        subprocess.run(["buildah", "rmi", *before], capture_output=True, check=False)
    return IMAGE


class Container:
    """One container of the image, whose configuration and journal are folders of the test."""

    def __init__(self, image: str, folder: Path) -> None:
        self.name = run("buildah", "from", image)
        self.service = Service(folder)
        self.service.config.chmod(0o644)
        self.journal = folder / "data"
        self.journal.mkdir(mode=0o700)
        os.chown(self.journal, 65532, 65532)
        mounts = [f"{self.service.config}:/etc/receiver/receiver.toml:ro", f"{self.journal}:/data"]
        self.environ = {**SECRETS, "RECEIVER_JOURNAL__URL": "sqlite:/data/journal"}
        self._confined = [*SERVED, *CONFINED, *(f"--volume={mount}" for mount in mounts)]

    def _command(self, *arguments: str) -> list[str]:
        environ = [f"--env={name}={value}" for name, value in self.environ.items()]
        return ["buildah", "run", *self._confined, *environ, self.name, "--", "receiver", *arguments]

    def receiver(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command in it, as a person or a probe would."""
        return subprocess.run(self._command(*arguments), capture_output=True, text=True, timeout=120, check=False)

    def start(self) -> int:
        """Start the service; the supervisor's process id, as this machine sees it."""
        with self.service.log.open("ab") as log:
            self.service.process = subprocess.Popen(
                self._command("serve"), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.service.wait_ready()
        wanted = b"/opt/receiver/bin/receiver\0serve\0"
        for place in Path("/proc").iterdir():
            if place.name.isdecimal():
                with contextlib.suppress(OSError):  # one that has just ended
                    told = (place / "cmdline").read_bytes()
                    if told.endswith(wanted) and b"buildah" not in told and self._is_ours(place):
                        return int(place.name)
        raise AssertionError("no supervisor")

    def _is_ours(self, process: Path) -> bool:
        mounted = (process / "root/etc/receiver/receiver.toml").read_text("utf-8")
        return mounted == self.service.config.read_text("utf-8")

    def stop(self, supervisor: int) -> int:
        """SIGTERM as an engine sends it, and the exit code."""
        os.kill(supervisor, 15)
        assert self.service.process is not None
        return self.service.process.wait(60)


@pytest.fixture
def container(image: str, tmp_path: Path) -> Iterator[Container]:
    """Give a container, and leave nothing of it."""
    made = Container(image, tmp_path / "service")
    yield made
    made.service.destroy()
    run("buildah", "rm", made.name)


@pytest.mark.service
def test_it_takes_callbacks_keeps_them_and_stops_as_it_should(container: Container) -> None:
    """As an ordinary user without a capability, under a filter of system calls; started again, it has what it took."""
    assert container.receiver("check").returncode == 0
    assert container.receiver("health", "--live").returncode != 0
    supervisor = container.start()
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{supervisor}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["Uid"].split() == ["65532"] * 4
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["Seccomp"] == "2"
    for number in range(5):
        assert container.service.post_swap({"id": f"swap-{number}", "status": "completed"}) == 200
    assert container.receiver("health").stdout == "ready\n"
    assert container.stop(supervisor) == 0
    modes = {place.name: place.stat().st_mode & 0o777 for place in container.journal.rglob("*")}
    assert modes.pop("journal") == 0o700
    assert set(modes.values()) == {0o600}
    supervisor = container.start()
    until(lambda: (container.service.readyz() or {})["interpret"].get("interpreted") == 5)
    assert container.stop(supervisor) == 0


@pytest.mark.service
def test_it_holds_what_tells_a_collector(container: Container) -> None:
    """Set by the names that the chart gives, and nothing is to be installed besides."""
    with collecting() as told:
        container.environ |= {"RECEIVER_TRACES__ENDPOINT": told.url, "RECEIVER_TRACES__SAMPLE_RATIO": "1"}
        supervisor = container.start()
        until(lambda: container.service.metric("receiver_trace_spans_sent_total") is not None)
        numbers = itertools.count()  # until it follows: what was there before it did is not told of
        until(lambda: (container.service.post_swap({"id": f"swap-{next(numbers)}"}), told.named("interpret"))[1])
        assert {span.name for span in told.spans} == {"receive", "interpret"}
        assert container.stop(supervisor) == 0


@pytest.mark.service
def test_nothing_is_left_of_what_built_it(container: Container) -> None:
    """No pip, no compiler, none of our sources but the installed ones; and it says what it is."""
    found = run("buildah", "run", "--isolation", "chroot", container.name, "--", "sh", "-c",
                "ls /opt /opt/receiver/bin /src 2>/dev/null; command -v pip pip3 gcc cc make git; true")  # fmt: skip
    assert not set(found.split()) & {"pip", "pip3", "gcc", "cc", "make", "git", "build", "pyproject.toml"}
    assert re.search(r"\b0123456789ab\b", container.receiver("--version").stdout)
    assert image_mb(IMAGE) - image_mb(BASE) <= ABOVE_BASE_MB_MAX
    config = json.loads(run("buildah", "inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "receiver", "health", "--live"]
    assert set(config["Volumes"]) == {"/var/lib/receiver"}


def test_the_compose_file_is_one() -> None:
    """By the specification's own schema; what it refers to is there, and its receiver is configured soundly."""
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    document = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))
    assert all((COMPOSE / config["file"]).exists() for config in document["configs"].values())
    assert (COMPOSE / document["services"]["receiver"]["build"]["context"]).resolve() == ROOT
