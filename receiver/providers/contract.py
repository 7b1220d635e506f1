"""What a provider is to us: a frozen record of functions and tables. Every module of ``providers`` makes one.

Functions in a record and not methods of a base class, so that the order of the checks stands in one place, ``admit``
and ``interpret``, and a provider cannot change it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Protocol

from receiver.model.callback import Headers, RawCallback, Resource, VerifiedCallback
from receiver.model.errors import Unauthorized
from receiver.model.frozen import dataclass
from receiver.model.masked_body import BodyFields
from receiver.model.operation import Facts, Kind
from receiver.providers.calls import Access, Answer, Call, Page, Scan, Stamp
from receiver.providers.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Source:
    """One URL of ours that one provider calls, its references resolved. Holds secrets, never printed."""

    name: str
    provider: str
    account: str | None
    signed_urls: tuple[bytes, ...] = ()
    """The readings of the URL part of the signed message, best first, of a provider that signs the URL."""
    freshness_s: int = 300
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Live secrets, for providers with one secret list per source."""
    keys: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    """Public key to its live secrets, for providers that name the key in a header."""
    access: Access | None = None
    """How its provider's API is asked, where that is configured."""
    settings: Any = None
    """What stands in the configuration, in the provider's own model: for keys that no other provider has."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers alone say, in the right shape and fresh: checked before a byte of the body is read."""

    digest: bytes
    """The decoded signature."""
    secrets: tuple[bytes, ...] = field(repr=False)
    """The secrets it may have been made with."""
    timestamp: bytes = b""
    """The timestamp header as it came, for providers that sign it."""


Sources = Mapping[str, tuple["Provider", Source]]
"""Every configured source by its name, ready to verify: its provider, and its references resolved."""


@dataclass(frozen=True, slots=True)
class Lists:
    """How a provider's lists of operations are read. Pure."""

    scans: Callable[[Access], tuple[Scan, ...]]
    """Those to read now and then."""
    page: Callable[[Scan, tuple[int, int], int, Access, Stamp], Call]
    """(scan, (since, until) in Unix ms, page from 1, access, stamp) → the call for one page."""
    read_page: Callable[[Answer, Access], Page]
    """(answer, access) → the page; raises ``ApiFailed``."""


@dataclass(frozen=True, slots=True)
class Api:
    """How a provider's API is asked about operations. Pure, as a provider is; ``ApiFailed`` says what went wrong."""

    kinds: Mapping[str, Kind]
    """The word for a kind → Kind, of the operations it tells of."""
    kinds_of: Callable[[Access], Mapping[str, Kind]]
    """The same for one source, where the words are configured."""
    base_url: str | None
    """Where it is, unless a source says otherwise; None: a source must say."""
    asks: str
    """What is asked and how often; one sentence for ``receiver providers`` and the documents."""
    operation_id: re.Pattern[str]
    """What an id of its operations looks like, in full."""
    get: Callable[[str, Access, Stamp], Call]
    """(operation id, access, stamp) → the call that asks for it."""
    read: Callable[[Answer, str, Access], Resource]
    """(answer, the id asked for, access) → the operation; raises ``ApiFailed``."""
    parse: Callable[[Mapping[str, Any], Source], Any]
    """(JSON object, source) → payload; raises ``NotUnderstood``. As a provider's, for what the API says."""
    normalise: Callable[[Any, Source], Facts]
    """(payload, source) → Facts."""
    known_fields: Callable[[Source], frozenset[str]]
    """Names of fields that mean something to us."""
    interval_s: Callable[[float], float | None]
    """Age of an open operation, s → how long until it is asked for again; None: a scan finds it."""
    hint: Callable[[str, Any], str | None]
    """(reason, parsed body) of a callback in quarantine → the id of an operation to ask for; it is not to be trusted
    beyond that."""
    lists: Lists | None = None
    """Its lists; None where it has none, and each operation is asked for by its id."""


UNKNOWN_STATUS = "SimulatedUnknown"
"""A word that is in no provider's tables."""


class Chance(Protocol):
    """Where ids and amounts come from: a ``random.Random``, so that a seed makes the same again."""

    def randrange(self, start: int, stop: int = ..., /) -> int:
        """A whole number from ``start`` on and below ``stop``, or below ``start``."""

    def getrandbits(self, bits: int, /) -> int:
        """A whole number of so many bits."""


Make = Callable[[str], dict[str, Any]]
"""A step of one operation → the body that is sent for it."""
Begin = Callable[[Source, Chance, int], Make]
"""(source, chance, now in Unix s) → the bodies of one fresh operation."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The statuses of one operation, in the order in which its callbacks are sent."""

    name: str
    begin: Begin
    steps: tuple[str, ...]
    """The provider's status words; one with several bodies has the variant behind a colon, as ``Failed:before``."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A source at a desk, with secrets that are worth nothing: fixed, so that a second terminal can sign too."""

    source: Mapping[str, Any]
    """As it stands in ``[[sources]]``."""
    secrets: Mapping[str, str] = field(repr=False)
    """Name of an environment variable that ``source`` refers to → its value."""
    in_dev: bool = False
    """Whether ``receiver dev`` has it where there is no configuration file."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What a provider can be played with."""

    scenarios: tuple[Scenario, ...]
    made_up: MadeUp


def with_unknown_status(body: bytes) -> bytes:
    """A copy of a flat JSON object in which ``status`` is a word that nobody knows."""
    return json.dumps(json.loads(body) | {"status": UNKNOWN_STATUS}).encode()


_NO_FIELDS = BodyFields()


def no_timestamp(_: Headers) -> None:
    """Of a provider that signs no time."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, whole: all that the rest of the house knows of it.

    The functions are pure; their contracts are the same for all, and ``receiver.sandbox.conformance`` holds it to them.
    """

    slug: str
    """Its name in the configuration, in keys and events: lower case, stable for ever."""
    title: str
    """Its name for people."""
    settings: type[SourceSettings]
    """What may and must stand in a ``[[sources]]`` of it."""
    template: str
    """The source that ``receiver init`` writes for it, commented; begins with an empty line."""
    placeholders: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Keys of the template whose values are made up, dotted from the source on, as ``poll.base_url`` → what a person is
    to put there, as ``your merchant id``. ``check`` and ``serve`` refuse a source that has such a value still."""
    claim: Callable[[Headers, Source, int], Claim]
    """(headers, source, now in Unix s) → Claim; raises ``Unauthorized``. Looks at headers only."""
    verify: Callable[[RawCallback, Claim, Source], VerifiedCallback]
    """(callback, claim, source) → VerifiedCallback; raises ``Unauthorized``. Parses nothing."""
    sign: Callable[[bytes, Source, int], Headers]
    """(body, source, now in Unix s) → the headers that the provider would send."""
    parse: Callable[[Mapping[str, Any], Source], Any]
    """(JSON object, source) → the provider's payload; raises ``NotUnderstood``."""
    normalise: Callable[[Any, Source], Facts]
    """(payload, source) → Facts."""
    kinds: Mapping[str, Kind]
    """The provider's word for a kind → Kind."""
    known_fields: frozenset[str]
    """Names of body fields that mean something to us; others are ignored, and counted by name."""
    signature_headers: frozenset[bytes]
    """Headers that hold a signature, lower case: never shown, exported or published."""
    retries_s: tuple[int, ...]
    """Documented waits between its deliveries of one callback, seconds."""
    holds_order: bool
    """Whether it holds an operation's next status until the one before got a success."""
    registration: str
    """Where a person enters our URL at this provider; one sentence for ``check`` and the documents."""
    signature: str
    """How it signs its callbacks, for ``receiver providers`` and the documents; empty where it sends none."""
    api: Api | None = None
    """How it is asked, None where no API of its own tells the state of an operation."""
    samples: Samples | None = None
    """Sample operations and a made-up source; None where it sends no callbacks."""
    signed_urls: Callable[[Any], tuple[bytes, ...]] | None = None
    """(its settings) → the URL parts of the signed message, best first; None where no URL is signed."""
    timestamp: Callable[[Headers], int | None] = no_timestamp
    """(headers that had the right shape) → the signed time, Unix s; None where no time is signed."""
    replaced_headers: frozenset[bytes] = frozenset()
    """Headers besides those of ``sign`` that a replay to another account must leave out, lower case."""
    public_headers: frozenset[bytes] = frozenset()
    """Headers that its contract names and that prove nothing, lower case: shown, exported and published with a callback
    in quarantine, as the harmless ones of ``quarantine_record`` are, and no others."""
    fields: BodyFields = _NO_FIELDS
    """Body fields that masking must know: the operation's id and amounts stay, what may be a card number does not."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """A reason of its own for ``Unauthorized`` → a sentence for ``receiver rejects explain``."""
    unknown_status: Callable[[bytes], bytes] = with_unknown_status
    """(body of a callback) → a copy with a status that nobody knows, for the simulator."""

    def all_kinds(self, source: Source) -> tuple[Kind, ...]:
        """Every kind of operation that a source of it can tell of, by callbacks or by its API."""
        asked = self.api.kinds_of(source.access) if self.api is not None and source.access is not None else {}
        return (*self.kinds.values(), *asked.values())

    @property
    def shown_headers(self) -> frozenset[bytes]:
        """Headers of its own that may leave the journal."""
        return self.public_headers - self.signature_headers

    @property
    def calls_back(self) -> bool:
        """Whether it sends callbacks at all."""
        return bool(self.signature)


def refusal(provider: Provider, source: Source, raw: RawCallback) -> str | None:
    """Why a callback is not genuine as of its time of receipt, as ``Unauthorized`` says it; None where it is."""
    try:
        claimed = provider.claim(raw.headers, source, raw.received_at_us // 1_000_000)
        provider.verify(raw, claimed, source)
    except Unauthorized as refused:
        return refused.why
    return None
