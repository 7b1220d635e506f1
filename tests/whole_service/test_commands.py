"""The command line and the running service as a person meets them: exit codes, messages, signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import apsw
import pytest

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.ports import free_port
from tests.warm_commands import WarmCommands, WarmProcess

SWAP = {
    "id": "swap-1",
    "organizationId": traffic.ORGANISATION,
    "status": "PROCESSED",
    "amountFrom": "0.100000000000000000",
}


def receiver(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    whole = {**os.environ, **environ}
    return WarmCommands.like(whole).run(arguments, whole, cwd, 60)


def from_disk(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same with an interpreter of its own, which reads all that it needs."""
    command = [sys.executable, "-m", "receiver", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@contextlib.contextmanager
def piped(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[tuple[WarmProcess, TextIO]]:
    """Start the command line in a folder, with its stdout to read from, its stderr in a file ``errors`` there."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdout:
        with os.fdopen(writing, "wb") as out, (folder / "errors").open("wb") as errors:
            started = WarmCommands.like(environ).start(arguments, environ, folder, out, errors)
        try:
            yield started, stdout
        finally:
            started.kill()


FILLED_IN = {
    "00000000-0000-0000-0000-000000000000": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
    "https://your-domain.example/webhooks/0xpay-main": "https://merchant.example.com/webhooks/0xpay-main",
    "0x0000000000000000000000000000000000000000": "0x52908400098527886E0F7030069857D2E4169EE7",
}
"""What ``init`` writes for a person to replace, and what such a person puts there."""


def test_from_nothing_to_a_checked_configuration(tmp_path: Path) -> None:
    """``init``, then ``check`` names what is missing and what is to be filled in; then it is sound, and prints URLs."""
    written = from_disk("init", cwd=tmp_path)
    assert (written.returncode, written.stdout) == (0, "")
    assert "receiver check" in written.stderr
    again = receiver("init", cwd=tmp_path)
    assert (again.returncode, again.stderr.count("is there already")) == (1, 1)
    unsound = receiver("check", cwd=tmp_path)
    assert unsound.returncode == 2
    assert "receiver: sources.0 (0xpay-main).secrets.0: the environment has no OXPAY_PRIVATE_KEY" in unsound.stderr
    names = ("OXPAY_PRIVATE_KEY", "ONCHAINPAY_PUBLIC", "ONCHAINPAY_SECRET", "CALYPSO_PUBLIC", "CALYPSO_SECRET")
    faults = [line for line in unsound.stderr.splitlines() if line.startswith("receiver: ")]
    assert len(faults) == len(names) + len(FILLED_IN)
    secrets = {name: f"secret-{number}" for number, name in enumerate(names)}
    left = receiver("check", cwd=tmp_path, **secrets)
    assert left.returncode == 2
    file = tmp_path / "receiver.toml"
    for written_by_init, filled_in in FILLED_IN.items():
        assert f"{written_by_init} is what `receiver init` wrote; put " in left.stderr
        file.write_text(file.read_text().replace(written_by_init, filled_in))
    sound = from_disk("check", cwd=tmp_path, **secrets)
    assert sound.returncode == 0
    assert "https://merchant.example.com/webhooks/0xpay-main" in sound.stdout
    assert not any(secret in sound.stdout + sound.stderr for secret in secrets.values())
    only = receiver("init", "--provider", "onchainpay", "--config", "other.toml", cwd=tmp_path)
    assert only.returncode == 0
    assert "0xpay-main" not in (tmp_path / "other.toml").read_text()


COMMANDS = [
    ("check",), ("dev",), ("serve",), ("tail",), ("simulate", "--source", "swaps"), ("topics", "create"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_bad_configuration_is_exit_2_in_every_command(tmp_path: Path, command: tuple[str, ...]) -> None:
    """With file, key and reason; no traceback."""
    (tmp_path / "bad.toml").write_text("[server]\nprot = 5\n")
    for where in (("--config", "bad.toml"), ("--config", "nowhere.toml")):
        done = receiver(*command, *where, cwd=tmp_path)
        assert done.returncode == 2
        assert f"receiver: {where[1]}: " in done.stderr
        assert "Traceback" not in done.stderr
    by_variable = receiver(*command, cwd=tmp_path, RECEIVER_CONFIG="bad.toml")
    assert (by_variable.returncode, by_variable.stderr.count("server.prot: no such key")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--version",), 0), (("--help",), 0), (("nonsense",), 2), (("tail", "--nonsense"), 2), (("providers",), 0),
     (("providers", "--json"), 0), (("schemas",), 0), (("schemas", "status_event.v1.schema.json"), 0),
     (("schemas", "nowhere"), 1), (("tail",), 1), (("simulate",), 2)],
)  # fmt: skip
def test_exit_codes(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    """0 done, 1 failed or not found, 2 wrong use."""
    done = receiver(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_callback_becomes_an_event_without_kafka(service: Service) -> None:
    """200, then ``tail`` shows it, digit for digit; a reader that goes away is no error."""
    service.start()
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    assert service.post_swap(SWAP, secret="forged") == 401
    until(lambda: service.receiver("tail", "--json").stdout)
    event = json.loads(service.receiver("tail", "--json").stdout)
    assert event["spent"]["amount"] == "0.100000000000000000"
    said = service.readyz()
    assert said is not None
    assert (said["ready"], said["kafka"]["state"]) == (True, "off")
    people = service.receiver("tail")
    assert "completed" in people.stdout
    assert service.stop() == 0
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {"callback.accepted", "event.recorded", "serve.stopped"} <= {line["event"] for line in lines}
    assert not any(secret in service.log.read_text() for secret in (traffic.ONCHAIN_SECRET, traffic.OXPAY_SECRET))


def test_metrics_of_all_processes_are_on_one_page(service: Service) -> None:
    """Of the intake process, the relay and the supervisor; none of it on the public listener."""
    service.start()
    service.wait_ready()
    assert service.post_swap(SWAP) == 200

    def page() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.admin}/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    # Each process reports on its own, so that the page may hold what the relay made of a callback before its answer.
    expected = (
        'receiver_interpreted_total{outcome="event",source="swaps"} 1.0',
        'receiver_callbacks_total{answer="200",source="swaps"} 1.0',
        'receiver_process_up{role="intake"} 1.0',
        'receiver_process_up{role="interpret"} 1.0',
    )
    until(lambda: all(line in page() for line in expected))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=60)
    refused.value.close()
    assert refused.value.code == 404


def test_a_second_service_on_one_journal_is_refused(service: Service, tmp_path: Path) -> None:
    """Exit 1 with the reason; the first goes on."""
    service.start()
    service.wait_ready()
    other = service.config.read_text()
    for port, free in ((service.port, free_port()), (service.admin, free_port())):
        other = other.replace(f"port = {port}\n", f"port = {free}\n")
    (tmp_path / "other.toml").write_text(other)
    secrets = {name: service.environ[name] for name in ("CHAOS_OXPAY", "CHAOS_ONCHAIN_PUBLIC", "CHAOS_ONCHAIN_SECRET")}
    done = receiver("dev", "--config", str(tmp_path / "other.toml"), cwd=tmp_path, **secrets)
    assert done.returncode == 1
    assert "another receiver holds the journal" in done.stderr
    assert service.post_swap(SWAP) == 200


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_an_address_that_is_taken_is_named_with_its_key(service: Service, command: str) -> None:
    """Exit 1, no traceback."""
    with socket.create_server(("127.0.0.1", service.port)):
        done = service.receiver(command)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.port}, set by server.host and .port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_newer_journal_is_refused_with_exit_1(service: Service) -> None:
    """By every command that opens it."""
    service.start()
    service.wait_ready()
    assert service.stop() == 0
    connection = apsw.Connection(str(service.folder / "journal" / "outbox.db"))
    connection.execute("UPDATE meta SET value = 99 WHERE key = 'format_version'")
    connection.close()
    for command in (("serve",), ("tail",), ("dev",)):
        done = service.receiver(*command)
        assert (done.returncode, "format version 99" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_dev_with_a_simulated_provider_shows_events_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """On a folder with nothing in it, twice on the same journal; Ctrl-C is exit 0."""
    for _ in range(2):
        ports = ["--port", str(free_port()), "--admin-port", str(free_port())]
        with piped(["dev", "--simulate", *ports], dict(os.environ), tmp_path) as (dev, stdout):
            shown = [stdout.readline() for _ in range(3)]
            dev.send_signal(number)
            assert dev.wait(20) == 0
        said = (tmp_path / "errors").read_text()
        assert all(" #" in line for line in shown), shown
        assert said.startswith(("no receiver.toml", "console http://127.0.0.1:8082/", "no console: cannot listen"))
        assert "made-up secrets" in said
        assert "stopped: everything that was answered 200 is in the journal" in said
        assert "Traceback" not in said


def test_simulate_reports_what_it_sent_and_tail_shows_it(service: Service) -> None:
    """Both sources, repeatable by seed; a receiver that is not there is exit 1."""
    service.start()
    service.wait_ready()
    sent = service.receiver(
        "simulate", "--source", "0xpay-main", "--count", "12", "--rate", "200", "--seed", "4", "--json"
    )
    assert sent.returncode == 0, sent.stderr
    report = json.loads(sent.stdout)
    assert report["answers"] == {"200": 12}
    named = service.receiver(
        "simulate", "--source", "swaps", "--scenario", "swap-normal", "--count", "3", "--rate", "100"
    )
    assert named.returncode == 0
    until(
        lambda: (
            [json.loads(line)["source"] for line in service.receiver("tail", "--json").stdout.splitlines()].count(
                "swaps"
            )
            == 3
        )
    )
    assert service.stop() == 0
    assert service.receiver("simulate", "--source", "swaps", "--count", "1", "--time-scale", "0").returncode == 1
    foreign = service.receiver("simulate", "--source", "swaps", "--url", "http://merchant.example.com/webhooks/swaps")
    assert (foreign.returncode, "--i-own-this-host" in foreign.stderr) == (1, True)


def test_tail_follow_ends_with_ctrl_c_and_exit_0(service: Service) -> None:
    """And shows what comes while it follows."""
    service.start()
    service.wait_ready()
    command = ["tail", "--follow", "-n", "9", "--json", "--config", str(service.config)]  # it may start after the event
    with piped(command, service.environ, service.folder) as (tail, stdout):
        assert service.post_swap(SWAP) == 200
        assert json.loads(stdout.readline())["operation_id"] == "swap-1"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 0


def test_junk_never_makes_a_500(service: Service) -> None:
    """Deep nesting, surrogates, NaN, huge numbers, NUL, in genuine bodies: 200, kept, and the line goes on."""
    service.start()
    service.wait_ready()
    bodies = [
        b"[" * 50_000, b'{"id": "\\ud800"}', b'{"id": NaN}', b'{"a": ' + b"9" * 100_000 + b"}", b"\x00", b"\xff", b"",
        b'{"id": "a\\u0000b", "status": "PROCESSED"}', b'{"id": "n", "status": "PROCESSED", "rate": 1e999999999}',
    ]  # fmt: skip
    for body in bodies:
        assert service.post_swap(body) == 200
    until(lambda: len(service.receiver("tail", "--json").stdout.splitlines()) == 2)
    ids = {json.loads(line)["operation_id"] for line in service.receiver("tail", "--json").stdout.splitlines()}
    assert ids == {"a\x00b", "n"}
    assert service.stop() == 0
