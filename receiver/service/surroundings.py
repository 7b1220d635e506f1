"""What only the machine can tell of a configuration: who may read its files, what the journal lies on, the clock.

What cannot be told, on another system or without the right to look, says nothing.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from receiver.service.config.advice import Advice
from receiver.service.config.secret_lint import references
from receiver.service.config.settings import Settings

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
OVER_THE_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "smb3", "smbfs", "virtiofs", "vboxsf",
})  # fmt: skip
"""Where locks and fsync may be promises that nobody keeps (SQLite, "How To Corrupt", section 2.1)."""
TIME_ERROR = 5
"""What ``adjtimex`` answers of a clock that nobody keeps right (adjtimex(2))."""
TIMEX_BYTES = 512
"""More than its record has on any architecture; all zeros asks and sets nothing."""


def surroundings(settings: Settings, config: Path | None, folder: Path | None) -> list[Advice]:
    """All that there is to say; ``config`` is the configuration's file, ``folder`` the journal's, made or not.

    A journal in a database has no folder.
    """
    of_folder = () if folder is None else filesystem(folder, _read(MOUNTS))
    return [*_files(settings, config), *of_folder, *_clock()]


def _files(settings: Settings, config: Path | None) -> Iterator[Advice]:
    for place, reference in references(settings):
        kind, _, name = reference.partition(":")
        if kind == "file":
            yield from open_to_others(place, Path(name), secret=True)
    key = settings.kafka.client.get("ssl_keyfile") if settings.kafka is not None else None
    if isinstance(key, str):
        yield from open_to_others("kafka.client.ssl_keyfile", Path(key), secret=True)
    if config is not None:
        yield from open_to_others(str(config), config, secret=False)


def open_to_others(place: str, path: Path, *, secret: bool) -> Iterator[Advice]:
    """Say who else can read or write a file, or put another one in its place; a ``secret`` nobody else may read."""
    try:
        found, folder = path.stat(), path.resolve().parent.stat()
    except OSError:
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        what = f"others can write {path} (mode {mode:04o}), and so decide what it says"
        yield Advice(place, what, f"chmod go-w {path}")
    elif found.st_uid not in {0, os.geteuid()}:
        what = f"{path} belongs to user {found.st_uid}, who decides what it says; this is user {os.geteuid()}"
        yield Advice(place, what, f"chown it to user {os.geteuid()} or to root")
    elif folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        what = f"everybody can put another file in the place of {path}: its folder is open to all"
        yield Advice(place, what, f"chmod o-w {path.resolve().parent}")
    if secret and mode & stat.S_IROTH:
        what = f"every user of this machine can read {path} (mode {mode:04o})"
        yield Advice(place, what, f"chmod o-r {path}; a volume of secrets has `defaultMode: 0440`")


def filesystem(folder: Path, mounts: str) -> Iterator[Advice]:
    """Say what a journal cannot be kept safe on; ``mounts`` is the text of Linux's ``mountinfo``."""
    kind = _kind_of(folder.absolute(), mounts.splitlines())
    if kind in IN_MEMORY:
        what = f"{folder} lies on {kind}, in memory: a 200 promises a disk, and a restart of the machine loses all"
        yield Advice("journal.url", what, "put it on a disk")
    elif kind in OVER_THE_NETWORK:
        what = f"{folder} lies on {kind}, over a network: locks and fsync of many of them fail without a word"
        yield Advice("journal.url", what, "put it on a disk of this machine, or on a block volume")


def _kind_of(folder: Path, mounts: Iterable[str]) -> str | None:
    # The longest mount point above it; of two at the same place the later one hides the other.
    real = Path(os.path.realpath(folder))
    best, kind = -1, None
    for line in mounts:
        fields, _, rest = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < len(("id", "parent", "device", "root", "point")) or not rest:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), parts[4]))
        if real.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind


def _clock() -> Iterator[Advice]:
    if clock_state() == TIME_ERROR:
        what = "nothing keeps this machine's clock right: a timestamp that a provider signed is held against it"
        yield Advice("clock", what, "run chrony or systemd-timesyncd", note=True)


def clock_state() -> int | None:
    """What the kernel says of its clock, as ``adjtimex`` gives it; None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (AttributeError, OSError):
        return None
    return state if isinstance(state, int) and state >= 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
