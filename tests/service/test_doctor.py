"""What a doctor says of each part, of what is wrong with it and of what is well."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.journal.sqlite.private import make_folder
from receiver.model.errors import ReceiverError
from receiver.service import doctor
from receiver.service.config.settings import Settings, build
from receiver.service.doctor import Sign, examine
from receiver.service.wiring import open_context

READY: dict[str, Any] = {
    "ready": True,
    "inbox": {"state": "up", "detail": None},
    "interpret": {"state": "up", "detail": None},
    "kafka": {"state": "off", "detail": None},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give a sound configuration whose secrets are files."""
    for name in ("public", "secret"):
        (tmp_path / name).write_text(f"{name}-4f8a1c07d9be\n")
    return build(
        {
            "journal": {"url": f"sqlite:{tmp_path}/journal"},
            "sources": [
                {
                    "name": "swaps",
                    "provider": "onchainpay",
                    "keys": [{"public": f"file:{tmp_path}/public", "secret": f"file:{tmp_path}/secret"}],
                }
            ],
        },
        "receiver.toml",
    )


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Give what the running service answers, by path; nothing where the path is missing."""
    answers: dict[str, bytes] = {"/readyz": orjson.dumps(READY), "/metrics": b""}

    def ask(_host: str, _port: int, path: str, _timeout_s: float) -> tuple[int, bytes]:
        if path not in answers:
            raise ReceiverError("no answer from 127.0.0.1:8081: Connection refused")
        return 200, answers[path]

    monkeypatch.setattr(doctor, "ask", ask)
    return answers


def signs(settings: Settings, area: str) -> list[Sign]:
    """Give what is said of one area."""
    return [sign for sign in examine(settings, open_context(settings, {}), thorough=True) if sign.area == area]


def test_what_is_well_is_said_too(settings: Settings, service: dict[str, bytes]) -> None:
    """A page of silence could mean that nothing was looked at."""
    found = list(examine(settings, open_context(settings, {}), thorough=True))
    assert service
    assert not [sign for sign in found if sign.level == "fault"]
    assert {sign.area for sign in found} == {"limits", "disk", "journal", "kafka", "service"}
    assert [sign.what for sign in found if sign.area == "service"] == ["inbox is up", "interpret is up", "kafka is off"]


def test_a_disk_that_fills(settings: Settings, service: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the limit callbacks are refused; near to it is a warning."""
    assert service
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  as shutil's own
    for free, level in ((10, "fault"), (100_000_000, "warning"), (10**12, "well")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _place, free=free: usage(0, 0, free))
        assert signs(settings, "disk")[0].level == level


def test_a_limit_of_open_files_that_is_too_low(
    settings: Settings, service: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said how many are needed."""
    assert service
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (1024, 1024))
    (sign,) = signs(settings, "limits")
    assert (sign.level, "1024 files" in sign.what) == ("warning", True)


def test_a_secret_that_nobody_has_changed_for_long(
    settings: Settings, service: dict[str, bytes], tmp_path: Path
) -> None:
    """By the time of its file; of a variable nobody knows."""
    assert service
    long_ago = time.time() - 400 * 86_400
    os.utime(tmp_path / "secret", (long_ago, long_ago))
    (sign,) = signs(settings, "secrets")
    assert (sign.level, "for 400 days" in sign.what) == ("warning", True)


def test_callbacks_for_which_nobody_made_a_part(
    settings: Settings, service: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are taken and kept; that no worker does what is to be done is said all the same."""
    assert service
    loose = {"callbacks_after_parts": 0}
    monkeypatch.setattr(SqliteJournal, "stats", lambda _: loose)
    folder = Path(settings.journal.url.removeprefix("sqlite:"))
    make_folder(folder)
    open_journal(folder)
    assert [sign.level for sign in signs(settings, "journal")] == ["well"]
    loose["callbacks_after_parts"] = 12
    warning, _ = signs(settings, "journal")
    assert (warning.level, warning.what.partition(" ")[0]) == ("warning", "12")


def test_a_service_that_is_not_there_is_no_fault(settings: Settings, service: dict[str, bytes]) -> None:
    """It may be stopped on purpose; somebody else at its port is one."""
    service.clear()
    assert [sign.level for sign in signs(settings, "service")] == ["note"]
    service["/readyz"] = b"<html>"
    assert [sign.level for sign in signs(settings, "service")] == ["fault"]


@pytest.mark.parametrize(
    ("part", "state", "level"),
    [
        ("inbox", {"state": "down", "detail": "disk_full"}, "fault"),
        ("kafka", {"state": "stopped", "detail": "the journal does not fit"}, "fault"),
        ("kafka", {"state": "up", "detail": "12 partitions, keys go over 6"}, "warning"),
        ("interpret", {"state": "down", "detail": None}, "fault"),
        ("reconcile", {"state": "down"}, "warning"),
    ],
)
def test_what_the_service_says_of_itself(
    settings: Settings, service: dict[str, bytes], part: str, state: dict[str, Any], level: str
) -> None:
    """In its own words."""
    service["/readyz"] = orjson.dumps(READY | {part: state})
    (sign,) = [sign for sign in signs(settings, "service") if sign.level != "well"]
    assert sign.level == level
    assert (state.get("detail") or part) in sign.what


def test_a_proxy_that_speaks_another_protocol_is_seen_in_the_numbers(
    settings: Settings, service: dict[str, bytes]
) -> None:
    """No callback gets in, and the service calls itself ready all the while."""
    service["/metrics"] = (
        b'receiver_http_errors_total{why="proxy_protocol"} 7\nreceiver_http_errors_total{why="malformed"} 9\n'
        b'receiver_connections_refused_total{why="too_many"} 2\nreceiver_log_lines_lost_total 3\n'
    )
    assert [(sign.level, sign.area) for sign in signs(settings, "proxies")] == [
        ("fault", "proxies"),
        ("warning", "proxies"),
    ]
    assert [sign.level for sign in signs(settings, "log")] == ["warning"]
