"""Who may come to the console and what they may do there, as it was configured, with its secrets resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

from receiver.intake.peers import Network
from receiver.model.hosts import is_loopback

TOKEN_CHARACTERS_MIN = 16
"""Of a token: what is shorter can be guessed by whoever tries for a while."""


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The rules of one console. Tokens are never printed."""

    host: str = "127.0.0.1"
    """The address that it listens on."""
    base_path: str = ""
    """What stands before every path, as ``/receiver``; empty, or it begins with a slash and ends without one."""
    token: str | None = field(default=None, repr=False)
    """Lets its holder read."""
    write_token: str | None = field(default=None, repr=False)
    """Lets its holder ask for changes too."""
    write: bool = False
    """Whether anybody may ask for changes at all."""
    trust_user_header: str = ""
    """The header in which a trusted proxy says who calls, lower case; empty: none is believed."""
    trusted_proxies: tuple[Network, ...] = ()
    """Whose word is taken for that header."""
    write_users: frozenset[str] = frozenset()
    """Who of those may ask for changes."""
    hosts: frozenset[str] = frozenset()
    """Names, without ports, by which people reach it beside those of this machine."""

    @property
    def open(self) -> bool:
        """Whether whoever is on this machine reads without a login."""
        return is_loopback(self.host) and self.token is None and not self.trust_user_header

    @property
    def login(self) -> bool:
        """Whether there is anything to log in with."""
        return self.token is not None or (self.write and self.write_token is not None)


def faults(rules: AccessRules) -> list[str]:
    """Why a console must not start with these rules, a sentence each that begins with the key to set."""
    found = []
    if not is_loopback(rules.host) and not (rules.login or rules.trust_user_header):
        found.append(
            f"console.host: {rules.host} is not loopback, and whoever reached it could read all there is: set "
            "console.token, or console.trust_user_header behind a proxy that logs people in"
        )
    if rules.trust_user_header and not rules.trusted_proxies:
        found.append(
            "console.trusted_proxies: it is empty, and anybody could put a name into "
            f"{rules.trust_user_header}: name the addresses of the proxies that may"
        )
    for key, token in (("token", rules.token), ("write_token", rules.write_token)):
        if token is not None and len(token) < TOKEN_CHARACTERS_MIN:
            found.append(f"console.{key}: it has fewer than {TOKEN_CHARACTERS_MIN} characters and can be guessed")
    if rules.token is not None and rules.token == rules.write_token:
        found.append("console.write_token: it is the same as console.token, and so everybody who reads could write")
    return found
