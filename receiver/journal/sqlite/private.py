"""The journal's folder and files, kept from others: they hold whole card numbers.

A folder of our own is 0700 and its files 0600. A volume that somebody else owns is left as it is, since its mode is
theirs to choose: Kubernetes gives one to a group (``fsGroup``, mode 2770), and the next process may come with another
user id of that group. Files are made for the group there, or nobody could open them after that.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from receiver.model.errors import StoreFailed

OWN_FOLDER, OWN_FILE, GROUP_FILE = 0o700, 0o600, 0o660


def make_folder(folder: Path) -> None:
    """Make the journal's folder where there is none, and keep others out where it is ours.

    Raises ``StoreFailed`` with the path and the system's reason.
    """
    try:
        if folder.is_symlink() and folder.exists():
            _need_own_link(folder)
            return
        folder.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
        found = folder.stat()
        if _ours(found) and stat.S_IMODE(found.st_mode) != OWN_FOLDER:
            folder.chmod(OWN_FOLDER)
    except FileExistsError:
        what = "a link to nothing" if folder.is_symlink() else "a file"
        raise StoreFailed(f"{folder}: there is {what} in the place of the journal's folder") from None
    except OSError as error:
        raise StoreFailed(f"{error.filename or folder}: {error.strerror}") from None


def _need_own_link(folder: Path) -> None:
    # Somebody moved the journal to a larger disk: followed where link and folder are that somebody's. What it leads to
    # keeps its mode: it may hold more than a journal, whose files are closed to others anyway.
    link, found = folder.lstat(), folder.stat()
    if not (_ours(link) and _ours(found) and stat.S_ISDIR(found.st_mode)):
        why = "and not both are this user's; name the journal's folder itself"
        raise StoreFailed(f"{folder} is a link to {folder.readlink()}, {why}")


def folder_of_others(folder: Path) -> str | None:
    """A sentence on a folder that is not ours and left as it is; None for ours, and where there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    if _ours(found):
        return None
    mode = stat.S_IMODE(found.st_mode)
    open_to = "; everybody can read it" if mode & stat.S_IROTH else ""
    return (
        f"the journal's folder {folder} belongs to user {found.st_uid} and group {found.st_gid}, mode {mode:o}, and "
        f"this is user {os.geteuid()}: the mode is left as it is{open_to}"
    )


def need_own_file(path: Path) -> None:
    """Refuse what stands in a file's place and is none of ours: a link, a device, a file that somebody else put there.

    Whoever may write to the folder could have the journal's bytes go elsewhere, or have others' bytes taken for it. In
    a folder that a group shares the file may be of any user; else it is ours, or the folder's owner's. Raises
    ``StoreFailed``.
    """
    try:
        found, folder = path.lstat(), path.parent.stat()
    except OSError:
        return  # it is not there, or cannot be looked at, which is said by who opens it
    if stat.S_ISDIR(found.st_mode):
        return  # which the system refuses to open, in words that everybody knows
    if not stat.S_ISREG(found.st_mode):
        what = f"a link to {path.readlink()}" if stat.S_ISLNK(found.st_mode) else "no file"
        raise StoreFailed(f"{path} is {what}: a journal's files are its own; nothing was changed")
    if found.st_uid not in {os.geteuid(), folder.st_uid} and not _for_the_group(folder):
        raise StoreFailed(f"{path} belongs to user {found.st_uid}, who owns not the folder: nothing was changed")


def open_private(path: Path, flags: int) -> int:
    """Open a file of the journal for reading and writing, made where there is none; raises ``StoreFailed``."""
    need_own_file(path)
    try:
        made = not path.exists()
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | flags, OWN_FILE)
        if made and _for_the_group(path.parent.stat()):
            os.fchmod(descriptor, GROUP_FILE)
    except OSError as error:
        raise StoreFailed(f"{path}: {error.strerror}") from None
    return descriptor


def why_not_open(path: Path, *, read_only: bool) -> str | None:
    """The system's reason for refusing a file, which SQLite does not tell; None where it can be opened."""
    try:
        os.close(os.open(path, os.O_RDONLY if read_only else os.O_RDWR))
    except OSError as error:
        return error.strerror
    return None


def _ours(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()


def _for_the_group(folder: os.stat_result) -> bool:
    shared = stat.S_IRWXG
    return not _ours(folder) and folder.st_mode & shared == shared
