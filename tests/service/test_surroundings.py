"""What the machine tells: modes of files, the journal's file system, the clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from receiver.service import surroundings as looked_at
from receiver.service.config.settings import build
from receiver.service.surroundings import clock_state, filesystem, open_to_others, surroundings
from tests.service.config.tables import OXPAY

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw
30 27 0:30 / /mnt/with\\040space rw,relatime shared:5 - nfs4 server:/x rw
31 27 0:31 / /mnt/hidden rw - nfs server:/y rw
32 27 8:1 / /mnt/hidden rw master:1 - xfs /dev/sda1 rw
junk
33 27 0:32 / /srv rw -
"""


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o600, []),
        (0o400, []),
        (0o440, []),
        (0o644, ["every user of this machine can read "]),
        (0o660, ["others can write "]),
        (0o602, ["others can write "]),
        (0o606, ["others can write ", "every user of this machine can read "]),
    ],
)
def test_a_secret_is_read_by_its_own_user_and_group_alone(tmp_path: Path, mode: int, said: list[str]) -> None:
    """And written by its own user."""
    file = tmp_path / "secret"
    file.write_text("made-up")
    file.chmod(mode)
    found = list(open_to_others("sources.0", file, secret=True))
    assert [one.what.startswith(line) for one, line in zip(found, said, strict=True)] == [True] * len(said)
    assert all(str(file) in str(one) and "chmod" in one.mend for one in found)


def test_a_configuration_may_be_read_and_not_written_by_others(tmp_path: Path) -> None:
    """Nor may it be replaced: a folder for all that is not sticky lets that happen, behind a link too."""
    file = tmp_path / "open" / "receiver.toml"
    file.parent.mkdir()
    file.write_text("")
    file.chmod(0o644)
    assert list(open_to_others("x", file, secret=False)) == []
    file.parent.chmod(0o777)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert "in the place of" in next(open_to_others("x", link, secret=False)).what
    file.parent.chmod(0o1777)
    assert list(open_to_others("x", link, secret=False)) == []
    assert list(open_to_others("x", tmp_path / "nowhere", secret=True)) == []


def test_a_file_of_somebody_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's are not."""
    file = tmp_path / "secret"
    file.write_text("made-up")
    file.chmod(0o600)
    owner = file.stat().st_uid
    monkeypatch.setattr("receiver.service.surroundings.os.geteuid", lambda: owner + 1)
    assert [one.what for one in open_to_others("x", file, secret=True)] == (
        [f"{file} belongs to user {owner}, who decides what it says; this is user {owner + 1}"] if owner else []
    )


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/journal", None),
        ("/dev/shm", "tmpfs"),  # noqa: S108
        ("/dev/shm/a/b", "tmpfs"),  # noqa: S108
        ("/dev/shmother", None),  # noqa: S108
        ("/mnt/with space/journal", "nfs4"),
        ("/mnt/hidden/journal", None),
        ("/srv/journal", None),
    ],
)
def test_a_journal_belongs_on_a_disk(folder: str, kind: str | None) -> None:
    """Neither in memory nor over a network; the mount nearest to it counts, and of two at one place the later."""
    found = list(filesystem(Path(folder), MOUNTS))
    assert [f" lies on {kind}, " in one.what for one in found] == ([] if kind is None else [True])
    assert list(filesystem(Path(folder), "")) == []


def test_the_clock_is_asked_and_never_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A note, since it is about this moment; where it cannot be asked nothing is said."""
    assert clock_state() in {None, 0, 1, 2, 3, 4, 5}
    settings = build({"sources": [OXPAY]}, "receiver.toml")
    for state, lines in ((5, ["note: clock: nothing keeps this machine's clock right"]), (0, []), (None, [])):
        monkeypatch.setattr(looked_at, "clock_state", lambda state=state: state)
        found = [str(one) for one in surroundings(settings, None, tmp_path)]
        assert [one.partition(":")[0] for one in found if "clock" in one] == ["note"] * len(lines)


def test_all_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets, the key of the TLS client, and the configuration."""
    monkeypatch.setattr(looked_at, "clock_state", lambda: 0)
    monkeypatch.setattr(looked_at, "MOUNTS", tmp_path / "nowhere")
    secret, key, file = (tmp_path / name for name in ("secret", "key.pem", "receiver.toml"))
    for path in (secret, key, file):
        path.write_text("made-up")
        path.chmod(0o666)
    kafka = {"bootstrap_servers": ["127.0.0.1:9092"], "client": {"ssl_keyfile": str(key)}}
    settings = build({"sources": [OXPAY | {"secrets": [f"file:{secret}"]}], "kafka": kafka}, "receiver.toml")
    found = surroundings(settings, file, tmp_path)
    assert [one.place for one in found] == [
        *["sources.0 (0xpay-main).secrets.0"] * 2, *["kafka.client.ssl_keyfile"] * 2, str(file),
    ]  # fmt: skip
    assert os.access(secret, os.W_OK)
