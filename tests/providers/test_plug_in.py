"""A provider as a package of its own, installed beside the receiver: everything works with it, and nothing names it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from receiver.journal.sqlite.outbox import SqliteOutbox
from tests.chaos.service import until
from tests.ports import free_port
from tests.warm_commands import WarmCommands, WarmProcess

pytestmark = pytest.mark.service
EXAMPLE = Path(__file__).parent / "example_provider"
COUNT = 6
PROOF = "acme-proof"


@dataclass
class Desk:
    """A folder with a configuration, and a Python that has the package."""

    folder: Path
    environ: dict[str, str]
    admin: int

    @property
    def config(self) -> Path:
        return self.folder / "receiver.toml"

    def receiver(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command, in a process whose interpreter was started on this path."""
        command = [*arguments, "--config", str(self.config)]
        return WarmCommands.like(self.environ).run(command, self.environ, self.folder, 60)

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """The results of a command."""
        done = self.receiver(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ready(self) -> bool:
        """Whether callbacks are taken."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.admin}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built and installed as its users would, in a folder of its own and without a network."""
    made = tmp_path_factory.mktemp("plug-in")
    shutil.copytree(EXAMPLE, made / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", made / "packages", made / "source"], check=True)
    return made / "packages"


@pytest.fixture
def desk(tmp_path: Path, packages: Path) -> Desk:
    """An installation that ``receiver init`` wrote, at free ports, with its secret."""
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
    made = Desk(tmp_path, os.environ | {"PYTHONPATH": path, "ACME_SECRET": "made-up"}, free_port())
    done = made.receiver("init", "--provider", "acmepay")
    assert done.returncode == 0, done.stderr
    text = made.config.read_text("utf-8")
    made.config.write_text(text.replace("8080", str(free_port())).replace("8081", str(made.admin)), "utf-8")
    return made


@pytest.fixture(params=[False])
def serving(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A running service: each of its processes finds the provider by itself.

    With the parameter they are forks of one that has read the receiver's own modules, but not the provider's.
    """
    arguments = ["serve", "--config", str(desk.config)]
    service: WarmProcess | subprocess.Popen[bytes]
    with (desk.folder / "log").open("wb") as log:
        if request.param:
            warm = WarmCommands.like(desk.environ)
            service = warm.start(arguments, desk.environ, desk.folder, log, log, children=True)
        else:
            command = [sys.executable, "-m", "receiver", *arguments]
            service = subprocess.Popen(command, env=desk.environ, cwd=desk.folder, stdout=log, stderr=log)
    try:
        until(desk.ready, 30)
        yield desk
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    finally:
        service.kill()
        service.wait()


def test_its_configuration_is_checked_by_its_own_model(desk: Desk) -> None:
    """The URL to register and where; a key that it needs, one that means nothing to it, one of nobody."""
    sound = desk.receiver("check")
    assert sound.returncode == 0, sound.stderr
    assert "/webhooks/acme\n    the shop's settings, Callback address" in sound.stdout
    text = desk.config.read_text("utf-8").replace("shop = 1 ", 'account = "a"\nshape = 1 ')
    desk.config.write_text(text, "utf-8")
    unsound = desk.receiver("check")
    assert unsound.returncode == 2
    for fault in (
        "sources.0 (acme).shop: required for acmepay",
        "sources.0 (acme).account: means nothing to acmepay",
        f"{desk.config}: sources.0.shape: no such key",
    ):
        assert f"receiver: {fault}\n" in unsound.stderr


def test_without_its_package_it_is_nobody(desk: Desk) -> None:
    """Its source is refused with those that there are."""
    del desk.environ["PYTHONPATH"]
    done = desk.receiver("check")
    assert done.returncode == 2
    assert "sources.0 (acme).provider: there is 0xpay, onchainpay, calypso, cryptoexchange\n" in done.stderr


def test_it_is_listed_with_all_others(desk: Desk) -> None:
    """After ours."""
    listed = desk.lines("providers")
    assert [one["provider"] for one in listed] == ["0xpay", "onchainpay", "calypso", "cryptoexchange", "acmepay"]
    assert listed[-1]["kinds"][0]["statuses"] == {"OPEN": "pending", "PAID": "completed", "VOID": "cancelled"}


def test_callbacks_become_events_and_an_unknown_status_a_record_without_its_signature(serving: Desk) -> None:
    """From ``simulate`` to ``tail``, ``quarantine`` and ``export``, through a whole service."""
    (report,) = serving.lines("simulate", "--count", str(COUNT), "--rate", "100", "--seed", "1", "--unknown", "100%")
    assert report["answers"] == {"200": 2 * COUNT}
    events = until(lambda: [found for found in [serving.lines("tail")] if len(found) == COUNT])[0]
    assert {(event["provider"], event["kind"], event["account"]) for event in events} == {("acmepay", "payment", "1")}
    assert {event["status"] for event in events} <= {"pending", "completed", "cancelled"}
    # In an unknown state an operation's callbacks are one content, and what was seen is not stored again.
    unread = len({event["operation_id"] for event in events})
    waiting = until(lambda: [found for found in [serving.lines("quarantine", "list")] if len(found) == unread])[0]
    assert {one["reason"] for one in waiting} == {"unknown_status"}
    outbox = SqliteOutbox.open(serving.folder / "var/journal", read_only=True)
    values = [orjson.loads(one.value) for one in outbox.read(0, 100) if one.record_type == "quarantine"]
    outbox.close()
    assert len(values) == unread
    for value in values:
        names = [name for name, _ in value["headers"]]
        assert (value["provider"], "content-type" in names, PROOF in names) == ("acmepay", True, False)
    shown = serving.receiver("quarantine", "show", values[0]["quarantine_id"])
    assert (shown.returncode, "unknown_status" in shown.stdout) == (0, True), shown.stderr
    exported = serving.receiver("export")
    bodies = [base64.b64decode(json.loads(line)["body_base64"]) for line in exported.stdout.splitlines()]
    assert len(bodies) == COUNT + unread
    assert all(b"440000******0008" in body and b"4400000000000008" not in body for body in bodies)


@pytest.mark.parametrize("serving", [True], indirect=True, ids=["forks"])
def test_a_forgery_and_another_shops_callback_are_refused(serving: Desk) -> None:
    """The key of its own reaches the process that verifies."""
    (report,) = serving.lines("simulate", "--count", "2", "--rate", "100", "--seed", "1", "--tamper", "100%")
    assert (report["answers"], report["forgeries_not_refused"]) == ({"200": 2, "401": 2}, 0)
    text = serving.config.read_text("utf-8")
    serving.config.write_text(text.replace("shop = 1 ", "shop = 2 "), "utf-8")
    other = serving.receiver("simulate", "--count", "1", "--rate", "100", "--time-scale", "0", "--json")
    assert (other.returncode, set(json.loads(other.stdout)["answers"])) == (1, {"401"})


def test_its_own_tests_pass(packages: Path, tmp_path: Path) -> None:
    """The conformance suite, as its author runs it: with the installed receiver and nothing of this repository."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests"],
        env=os.environ | {"PYTHONPATH": str(packages)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > len(list((tmp_path / "tests/bodies").iterdir())), done.stdout
