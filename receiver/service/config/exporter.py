"""Whether traces can be told: the library for it is an extra, and nothing else of the service needs it."""

from __future__ import annotations

from importlib.util import find_spec

from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings

LIBRARY = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def need_exporter(settings: Settings) -> None:
    """Raise ``ConfigurationError`` where traces are configured and the library is not there; imports nothing of it."""
    if settings.traces.endpoint is not None and not _there():
        raise ConfigurationError(
            ["traces.endpoint: the packages for it are not installed: pip install 'exchange-webhook-receiver[otel]'"]
        )


def _there() -> bool:
    try:
        return all(find_spec(name) is not None for name in LIBRARY)
    except ModuleNotFoundError:  # of a name's parent
        return False
