"""What the pages work with, put together once by ``service``: a context, what is configured, whom to ask how it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from receiver.console.refusals import Refusals
from receiver.console.replaying import Replays
from receiver.operate.context import Context


@dataclass(frozen=True, slots=True)
class SourceCard:
    """A configured source, as far as pages tell of it."""

    name: str
    provider: str
    title: str
    """The provider's name for people."""
    kinds: tuple[str, ...]
    silence_s: float
    """Silent for longer is worth a warning, s."""
    public_url: str | None
    path: str | None
    """Of its URL; None where its provider sends no callbacks."""
    registration: str
    """Where a person enters that URL at the provider."""
    asked: bool
    """Whether its provider's API is asked."""
    overdue_s: float
    """An operation that is open for longer is overdue, s."""
    signed_url: str | None = None
    """The reading of the URL that the provider signs, where it signs one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the configuration."""

    key: str
    value: str
    """As it stands in the configuration: a reference where it is a secret."""
    origin: str
    """``file``, ``environment`` or ``default``."""
    about: str = ""
    """What the reference gives: that it resolves, and a fingerprint of public halves; or why it does not."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is configured, for people: no secret is in it."""

    file: str
    settings: Sequence[Setting]
    routes: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    faults: Sequence[str]
    advice: Sequence[str]


@dataclass(frozen=True, slots=True)
class Service:
    """How the running service says it is."""

    readyz: Mapping[str, Any]
    figures: Mapping[tuple[str, str], float]
    """(metric, label values joined by commas) → value, of ``/metrics``."""


class Simulator(Protocol):
    """A provider to play, where one is at hand: under ``receiver dev``."""

    def sources(self) -> Mapping[str, Sequence[str]]:
        """Source → names of its scenarios."""

    def start(self, source: str, scenario: str, rate: float, faults: Mapping[str, float]) -> None:
        """Begin to send, in the place of what was sent before; raises ``ReceiverError``."""

    def stop(self) -> None:
        """Send nothing more."""

    def state(self) -> Mapping[str, Any]:
        """What is sent now, what was answered, and what was expected beside what came."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the pages work with."""

    context: Context
    place: str
    """Where the journal is, for people."""
    sources: Sequence[SourceCard]
    configuration: Callable[[], Configuration]
    service: Callable[[], Service | None]
    """Asks the running service how it is; None where none answers."""
    retired: Callable[[str], tuple[bytes, ...]]
    """Source → its secrets that are live no more, to explain a refusal by."""
    option: str = ""
    """What the commands on the pages need to find the same journal, as `` --config shop.toml``."""
    topic_of: Callable[[Mapping[str, str]], Sequence[str]] = lambda _: ()
    """Fields of an event → the topics that it would go to."""
    simulator: Simulator | None = None
    refusals: Refusals = field(default_factory=Refusals)
    """What was refused while somebody looked."""
    replays: Replays | None = None
    """Runs to a receiver of this machine; None where nobody may begin one."""

    def source(self, name: str) -> SourceCard | None:
        """A configured source."""
        return next((one for one in self.sources if one.name == name), None)
