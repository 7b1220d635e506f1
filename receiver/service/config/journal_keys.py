"""From ``journal.keys`` to the keys of a journal: references resolved, and each fault named by its place."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.journal.sealed import Keyring, MasterKey, read_key
from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings, resolve


def resolve_keys(settings: Settings, environ: Mapping[str, str]) -> Keyring:
    """The keys, in their order; raises ``ConfigurationError`` that names each fault, and never shows a key."""
    keys: list[MasterKey] = []
    faults = []
    for number, reference in enumerate(settings.journal.keys):
        try:
            key = read_key(resolve(reference, environ))
        except ValueError as error:
            faults.append(f"journal.keys.{number}: {_told(reference, error)}")
            continue
        if key in keys:
            faults.append(f"journal.keys.{number}: {reference} is the key {key.key_id}, which is there already")
        keys.append(key)
    if faults:
        raise ConfigurationError(faults)
    return Keyring(keys)


def _told(reference: str, error: ValueError) -> str:
    said = str(error)
    return f"the secret behind {reference} {said}" if said.startswith("is no key") else said
