"""What never reaches the application, counted, and said in the log at most once in a while for each reason.

These are what a stranger can cause as often as it likes, and what a person must know once: a proxy that speaks another
protocol makes every callback fail, and nothing else tells of it.
"""

from __future__ import annotations

from typing import Any, Protocol

from receiver.model.clock import Clock

WARN_EVERY_S = 600.0
"""Between two lines for one reason; how many were left out in between is in the next."""

HTTP_ERRORS = {
    "malformed": "a request was no HTTP/1.1 that can be read; it got 400",
    "headers_too_large": "a request had more bytes beside its body (request line, headers, chunk extensions,"
    " trailers) than are allowed; it got 431",
    "transfer_coding": "a request came with a Transfer-Encoding other than chunked; it got 400",
    "trailers": "a chunked body came with more trailer fields than are thrown away; it got 431",
    "proxy_protocol": "a PROXY protocol header came from no proxy that is trusted: switch it off at the proxy, or name"
    " the proxy in server.trusted_proxies",
    "tls": "a TLS handshake came to a plain port: let the proxy end TLS, and speak plain HTTP to this port",
    "http2": "an HTTP/2 connection came to a port for HTTP/1.1: let the proxy speak HTTP/1.1 to it",
}
"""Why a request was refused before it was one → what is said of it."""
REFUSED = {
    "too_many": "as many connections are open as are allowed, and all have shown a valid signature; a further one was"
    " closed at once",
    "unproven": "as many connections are open as are allowed; the oldest that had shown no valid signature, of the"
    " address with the most of them, was closed for a new one. Where all callers come through one proxy, name it in"
    " server.trusted_proxies",
    "share": "as many connections are open as are allowed, and one address has more than half of them; its oldest was"
    " closed for a new one of another address",
    "bodies": "bodies in hand were more than server.bodies_bytes_max; the oldest that was not proven, of the address"
    " with the most of them, got 503",
    "silent": "a new connection began no request in time, and was closed",
    "slow": "a request did not arrive whole in time, and its connection was closed",
    "unanswered": "a request got no answer from us in time, and its connection was closed: look at the disk",
    "unread": "a caller did not read its answer in time, and its connection was closed",
}
"""Why a connection was closed because of a limit → what is said of it."""

STATES = ("idle", "arriving", "answering", "writing", "closing")
"""Of a connection; what each means is said at ``connection.LimitedProtocol.state``."""


class Notices(Protocol):
    """Who is told of what never reaches the application."""

    def connection_refused(self, why: str) -> None:
        """A connection was closed because of a limit; ``why`` is a key of ``REFUSED``."""

    def http_error(self, why: str) -> None:
        """A request was refused before it was one; ``why`` is a key of ``HTTP_ERRORS``."""


class Counts(Protocol):
    """Where they are counted."""

    def connection_refused(self, why: str) -> None:
        """Count one of ``REFUSED``."""

    def http_error(self, why: str) -> None:
        """Count one of ``HTTP_ERRORS``."""


class BoundedNotices:
    """Counts each, and warns of each reason at most every ``WARN_EVERY_S``."""

    def __init__(self, counts: Counts, clock: Clock, log: Any) -> None:
        self._counts = counts
        self._clock = clock
        self._log = log
        self._warned_s: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def connection_refused(self, why: str) -> None:
        """A connection was closed because of a limit."""
        self._counts.connection_refused(why)
        self._warn("connection.refused", why, REFUSED[why])

    def http_error(self, why: str) -> None:
        """A request was refused before it was one."""
        self._counts.http_error(why)
        self._warn("http.refused", why, HTTP_ERRORS[why])

    def _warn(self, event: str, why: str, detail: str) -> None:
        now_s = self._clock.monotonic_s()
        warned_s = self._warned_s.get(why)
        if warned_s is not None and now_s - warned_s < WARN_EVERY_S:
            self._suppressed[why] = self._suppressed.get(why, 0) + 1
            return
        self._warned_s[why] = now_s
        suppressed = self._suppressed.pop(why, 0)
        self._log.warning(event, why=why, detail=detail, **({"suppressed": suppressed} if suppressed else {}))


class Unnoticed:
    """For a listener that no stranger reaches."""

    def connection_refused(self, why: str) -> None:
        """Nothing."""

    def http_error(self, why: str) -> None:
        """Nothing."""
