"""What a listener gives to callers: numbers, with their reasons. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from receiver.intake.peers import Network

CONNECTIONS_MAX = 4096
BODIES_BYTES_MAX = 32 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Of one listener; what providers need lies far below each of them."""

    connections_max: int = CONNECTIONS_MAX
    """Open at once. For a further one the oldest that has proven nothing goes, of the peer that has the most such."""
    bodies_bytes_max: int = BODIES_BYTES_MAX
    """Of all requests' bodies in hand, bytes. Beyond it a body that is not proven goes, chosen in the same way."""
    keep_alive_s: float = 5.0
    """From an answer to the next request's first byte, s."""
    arrival_s: float = 20.0
    """For a new connection to begin a request, and for a request to arrive but for its body, s."""
    body_bytes_per_s_min: int = 16 * 1024
    """A body may take a second more for each so many bytes that have come, so that a few of them earn no time."""
    answer_s: float = 60.0
    """For us to answer, s; a disk that hangs longer does not hold callers too."""
    write_s: float = 20.0
    """For a caller to read its answer, s. Answers are short, and none waits behind another."""
    trusted: tuple[Network, ...] = ()
    """Proxies whose word is taken for who calls."""
