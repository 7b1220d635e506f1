"""The providers that are installed, by slug: each is an entry point of the group ``receiver.providers``.

Those of this package come through the same door as anybody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from receiver.model.errors import ConfigurationError
from receiver.model.masked_body import BodyFields
from receiver.providers.contract import Provider

GROUP = "receiver.providers"
OUR_PACKAGE = "receiver.providers."
FIRST = ("0xpay", "onchainpay", "calypso", "cryptoexchange")
"""The order of our own in tables and files; the others follow by name."""


@cache
def providers() -> Mapping[str, Provider]:
    """Every installed provider by its slug, looked up once; raises ``ConfigurationError``, see ``load``."""
    return load(entry_points(group=GROUP))


def load(entries: Iterable[EntryPoint]) -> dict[str, Provider]:
    """Import what entry points name, by slug.

    Raises ``ConfigurationError`` that names entry point and distribution of each that cannot be imported, is no
    ``Provider``, or has the slug of another; and where there is none at all.
    """
    found: dict[str, Provider] = {}
    named: dict[str, str] = {}
    faults = []
    for entry in sorted(entries, key=_place):
        who = f"provider {entry.name} of {entry.dist.name if entry.dist else 'an unknown distribution'}"
        try:
            loaded = entry.load()
        except Exception as error:  # noqa: BLE001  somebody else's code, which can fail in any way
            faults.append(f"{who}: {entry.value}: {type(error).__name__}: {error}")
            continue
        if not isinstance(loaded, Provider):
            faults.append(f"{who}: {entry.value} is no receiver.providers.contract.Provider")
        elif loaded.slug in found:
            faults.append(f"{who}: {named[loaded.slug]} is called {loaded.slug} too")
        else:
            found[loaded.slug], named[loaded.slug] = loaded, who
    if not found and not faults:
        faults.append(f"no package with an entry point {GROUP} is installed: install the receiver itself again")
    if faults:
        raise ConfigurationError(faults)
    return found


def _place(entry: EntryPoint) -> tuple[bool, int, str, str]:
    ours = entry.name in FIRST and entry.value.startswith(OUR_PACKAGE)
    return (not ours, FIRST.index(entry.name) if ours else 0, entry.name, entry.value)


def built_in() -> tuple[Provider, ...]:
    """Those of this package, in their order: what our own documents tell of."""
    return tuple(provider for slug, provider in providers().items() if slug in FIRST)


@cache
def body_fields() -> BodyFields:
    """What is known of body fields, whoever sent them."""
    known = [provider.fields for provider in providers().values()]
    return BodyFields(
        ids=frozenset().union(*(fields.ids for fields in known)),
        amounts=frozenset().union(*(fields.amounts for fields in known)),
        cards=frozenset().union(*(fields.cards for fields in known)),
    )


def shown_headers() -> frozenset[bytes]:
    """Headers that any provider names as its own, without those that hold a signature of any."""
    signatures = frozenset[bytes]().union(*(provider.signature_headers for provider in providers().values()))
    return frozenset[bytes]().union(*(provider.public_headers for provider in providers().values())) - signatures
