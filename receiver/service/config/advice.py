"""What ``check`` has to say of a configuration that would run: sound for a machine, and careless for a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence of it; it never holds a secret."""

    place: str
    """The key that it is about, or what else: a file, the clock."""
    what: str
    """What is there, and what can come of it."""
    mend: str
    """What to do."""
    note: bool = False
    """A note is to be known and may well be meant, or is about the machine of the moment: ``--strict`` lets it pass."""

    def __str__(self) -> str:
        """As people read it, one line."""
        return f"{'note' if self.note else 'warning'}: {self.place}: {self.what}; {self.mend}"
