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
    "headers_too_large": "a request line with its headers was over the limit; it got 431",
    "transfer_coding": "a request came with a Transfer-Encoding other than chunked; it got 400",
    "proxy_protocol": "a PROXY protocol header came: switch it off at the proxy",
    "tls": "a TLS handshake came to a plain port: let the proxy end TLS, and speak plain HTTP to this port",
    "http2": "an HTTP/2 connection came to a port for HTTP/1.1: let the proxy speak HTTP/1.1 to it",
}
"""Why a request was refused before it was one → what is said of it."""
REFUSED = {
    "too_many": "as many connections are open as are allowed; a further one was closed at once",
    "silent": "a new connection began no request in time, and was closed",
    "slow": "a request did not arrive whole in time, and its connection was closed",
}
"""Why a connection was closed because of a limit → what is said of it."""

STATES = ("idle", "arriving", "answering", "writing", "closing")
"""Of a connection; what each means is said at ``connection.LimitedProtocol.state``."""


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
