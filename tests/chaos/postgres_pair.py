"""Two PostgreSQL servers of which one follows the other, so that it can take the other's place, again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.chaos.knobs import compiled
from tests.chaos.postgres import USER, Postgres

FOREIGN = "other"
"""A database beside the journal's, as somebody else may have on the same server."""


class Pair:
    """A primary and its synchronous replica, whichever of the two servers that is at the moment."""

    def __init__(self, bin_: Path, folder: Path) -> None:
        """``folder`` is one that everybody may reach."""
        folder.mkdir(parents=True)
        self.note = ""
        """Why a disk cannot be full, where it cannot."""
        try:
            library = compiled("full", folder)
        except RuntimeError as why:
            library, self.note = None, f"{why}: a full disk is left out"

        def server(name: str) -> Postgres:
            knobs = {"LD_PRELOAD": str(library), "CHAOS_FULL": str(folder / name / "full")} if library else {}
            return Postgres(bin_, folder / name, environ=knobs)

        self.primary, self.replica = server("left"), server("right")

    def __enter__(self) -> Self:
        self.primary.make()
        self.primary.start()
        self.primary.run(f"CREATE DATABASE {FOREIGN}")
        self.primary.run_in(FOREIGN, "CREATE TABLE written (at timestamptz)")
        self.follow()
        return self

    def __exit__(self, *_: object) -> None:
        self.replica.stop("immediate")
        self.primary.stop("immediate")

    @property
    def url(self) -> str:
        """What ``journal.url`` is: of the two the one that takes writes."""
        ports = sorted((self.primary.port, self.replica.port))
        return f"postgresql://{USER}@{','.join(f'127.0.0.1:{port}' for port in ports)}/postgres"

    def follow(self) -> None:
        """Have the replica be a copy of the primary, made anew, for which each commit waits."""
        self.primary.follower(self.replica, self.replica.folder.name)
        self.primary.wait_for(self.replica.folder.name)

    def fail_over(self) -> None:
        """The primary dies for good, and the replica takes its place."""
        self.primary.stop("immediate")
        self.replica.promote()
        self.primary, self.replica = self.replica, self.primary

    def fill(self) -> None:
        """From now on no table of the primary can grow."""
        (self.primary.folder / "full").touch()

    def make_room(self) -> None:
        """They can again."""
        (self.primary.folder / "full").unlink(missing_ok=True)
