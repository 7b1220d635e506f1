"""Whether a console can run as it is configured: its packages, which are an extra, its tokens, who could reach it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from receiver.console.rules import AccessRules, faults
from receiver.intake.peers import networks
from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings, resolve
from receiver.service.listen import address

LIBRARIES = ("itsdangerous", "jinja2", "sse_starlette")
MISSING = "the packages of the console are not installed: pip install 'exchange-webhook-receiver[console]'"


def console_is_there() -> bool:
    """Whether its packages are installed; imports nothing of them."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def need_console() -> None:
    """Raise ``ConfigurationError`` where its packages are not there."""
    if not console_is_there():
        raise ConfigurationError([f"console: {MISSING}"])


def url_of(settings: Settings) -> str:
    """Where a console of these settings listens, with its base path."""
    console = settings.console
    return f"http://{address(console.host, console.port)}{console.base_path}/"


def console_url(settings: Settings) -> str | None:
    """The same where ``serve`` runs one, else None."""
    return url_of(settings) if settings.console.enabled else None


def console_rules(settings: Settings, environ: Mapping[str, str]) -> AccessRules:
    """Who may come and what they may do, tokens resolved; raises ``ConfigurationError`` with every fault."""
    console = settings.console
    found: list[str] = []
    tokens: dict[str, str | None] = {}
    for key, reference in (("token", console.token), ("write_token", console.write_token)):
        tokens[key] = None
        if reference is not None:
            try:
                tokens[key] = resolve(reference, environ).decode("utf-8", "surrogateescape")
            except ValueError as error:
                found.append(f"console.{key}: {error}")
    rules = AccessRules(
        host=console.host,
        base_path=console.base_path,
        token=tokens["token"],
        write_token=tokens["write_token"],
        write=console.write,
        trust_user_header=console.trust_user_header.lower(),
        trusted_proxies=networks(console.trusted_proxies),
        write_users=frozenset(console.write_users),
        hosts=frozenset(host.lower() for host in console.hosts),
    )
    found = found or faults(rules)
    if found:
        raise ConfigurationError(found)
    return rules
