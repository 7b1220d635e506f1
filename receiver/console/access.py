"""Who is asking, and whether they may: tokens, sessions, names given by a proxy, and forms that come from our pages.

Nobody but the holder of a right token, or whom a trusted proxy names, gets further than the login page, unless the
console is on loopback without a token: then whoever is on this machine reads. A change needs the role ``write``, a form
of ours with its token in it, and a browser that says that the form was ours. A token is compared in constant time; who
guesses is stopped by address.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from itsdangerous import BadData, URLSafeTimedSerializer

from receiver.console.rules import AccessRules
from receiver.intake.peers import is_within, peer_of
from receiver.model.hosts import is_loopback, parts_of

SESSION_S = 8 * 3600
"""A working day; then one logs in again."""
COOKIE = "receiver_console"
NAME_CHARACTERS_MAX = 64
FAILURES_MAX, FAILURES_S = 10, 60.0
"""Wrong tokens of one address within so many seconds, before it is not listened to any more."""
ADDRESSES_MAX = 4096
"""Addresses whose failures are remembered; the oldest go first."""
ANYBODY = "anybody on this machine"

Role = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in."""

    who: str
    """For the log and the reason of a change."""
    role: Role
    logged_in: bool = False
    """Whether a session ends by logging out."""

    @property
    def writes(self) -> bool:
        """Whether changes may be asked for."""
        return self.role == "write"


class Door:
    """Lets people in by the rules. It belongs to one event loop."""

    def __init__(self, rules: AccessRules) -> None:
        self.rules = rules
        known = [token.encode() for token in (rules.token, rules.write_token) if token is not None]
        # Sessions outlive a restart, and end with the token that they were begun with.
        key = hashlib.sha256(b"console\0" + b"\0".join(known)).digest() if known else os.urandom(32)
        self._sessions = URLSafeTimedSerializer(key, salt="session")
        self._forms = URLSafeTimedSerializer(key, salt="form")
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def knows_host(self, host: str) -> bool:
        """Whether a request's ``Host`` is one of ours; else another site's name was made to point at us.

        Only where nobody has to log in, or where names are configured, does it matter.
        """
        name = host_name(host)
        if is_loopback(name) or name in self.rules.hosts:
            return True
        return not self.rules.open and not self.rules.hosts

    def visitor(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], peer: str, now_s: float
    ) -> Visitor | None:
        """Who is asking, None where they have to log in; ``now_s`` is monotonic."""
        named = self._named(headers, peer)
        if named is not None:
            return named
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.may_try(peer, now_s):
            role = self.role_of(token.strip())
            if role is None:
                self.failed(peer, now_s)
            else:
                return Visitor("a token's holder", role)
        session = self._session(cookies.get(COOKIE, ""))
        if session is not None:
            return session
        return Visitor(ANYBODY, "read") if self.rules.open else None

    def role_of(self, token: str) -> Role | None:
        """What a token lets its holder do; takes as long for a wrong one as for a right one."""
        given = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        write, read = (_matches(one, given) for one in (self.rules.write_token, self.rules.token))
        if write and self.rules.write:
            return "write"
        return "read" if read else None

    def begin(self, name: str, role: Role) -> str:
        """The cookie of a new session; ``name`` is what the person said of themselves."""
        return str(self._sessions.dumps([cleaned(name), role]))

    def form_token(self, visitor: Visitor) -> str:
        """What a form of ours carries, for this visitor alone."""
        return str(self._forms.dumps(_bound_to(visitor)))

    def is_ours(self, visitor: Visitor, headers: Mapping[str, str], token: str) -> bool:
        """Whether a form came from a page of ours that this visitor was shown."""
        try:
            bound = self._forms.loads(token, max_age=SESSION_S)
        except BadData:
            return False
        return bool(bound == _bound_to(visitor)) and same_origin(headers)

    def may_try(self, peer: str, now_s: float) -> bool:
        """Whether an address has not guessed too often."""
        recent = self._failures.get(peer_of(peer), deque())
        return sum(now_s - at_s < FAILURES_S for at_s in recent) < FAILURES_MAX

    def failed(self, peer: str, now_s: float) -> None:
        """Note a wrong token."""
        name = peer_of(peer)
        self._failures.setdefault(name, deque(maxlen=FAILURES_MAX)).append(now_s)
        self._failures.move_to_end(name)
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def _named(self, headers: Mapping[str, str], peer: str) -> Visitor | None:
        rules = self.rules
        if not rules.trust_user_header or not is_within(peer, rules.trusted_proxies):
            return None
        user = headers.get(rules.trust_user_header.lower(), "").strip()
        if not user:
            return None
        return Visitor(cleaned(user), "write" if rules.write and user in rules.write_users else "read")

    def _session(self, cookie: str) -> Visitor | None:
        try:
            who, role = self._sessions.loads(cookie, max_age=SESSION_S)
        except (BadData, TypeError, ValueError):
            return None
        if role == "write" and not self.rules.write:
            return None
        return Visitor(who, role, logged_in=True)


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a request came from a page of the same origin; one that says nothing is not believed.

    Behind a proxy ``Host`` is what the browser saw only where the proxy passes it on; ``Sec-Fetch-Site`` is the
    browser's own word and needs no comparison.
    """
    fetched = headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = parts_of(headers.get("origin", ""))
    return origin is not None and bool(origin.netloc) and origin.netloc == headers.get("host", "")


def host_name(host: str) -> str:
    """The name in a ``Host``, without its port and an IPv6 address's brackets, lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _matches(token: str | None, given: bytes) -> bool:
    known = hashlib.sha256((token or "").encode()).digest()
    return hmac.compare_digest(known, given) and bool(token)


def _bound_to(visitor: Visitor) -> list[str]:
    return [visitor.who, visitor.role]


def cleaned(name: str) -> str:
    """What a person says of themselves, as one short line."""
    return "".join(one for one in name if one.isprintable()).strip()[:NAME_CHARACTERS_MAX] or "somebody"
