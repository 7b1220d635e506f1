"""What an engine is told beside ``journal.url``, from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.journal.options import EngineOptions
from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings, resolve


def engine_options(settings: Settings, environ: Mapping[str, str]) -> EngineOptions:
    """The options; the password is looked up at each connect. Raises ``ConfigurationError`` where there is none now."""
    journal = settings.journal
    reference = journal.password

    def password() -> str:
        if reference is None:
            return ""
        try:
            return resolve(reference, environ).decode()
        except ValueError as error:
            raise ConfigurationError([f"journal.password: {error}"]) from None

    password()
    return EngineOptions(
        password=None if reference is None else password,
        schema=journal.database_schema,
        replicated=journal.durability == "replicated",
        commit_timeout_s=journal.commit_timeout_s,
        connections=journal.connections,
        lease_s=journal.lease_s,
    )
