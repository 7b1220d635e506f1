"""Who is connected, and what each of them may have: connections, bytes of bodies, and turns at the event loop.

Who has shown a valid signature is served; who has not has as much as is left over. There is no share of its own for
each address, since many callers may stand behind one (a proxy that nobody named in ``server.trusted_proxies``): an
address may have everything while nobody else wants it. Where something is full, it is taken from the peer that has the
most of it unproven, the oldest first.

Turns. A flood that is answered as fast as it comes leaves the loop no time for others, though every limit on size is
kept. So what a peer makes us do is counted in seconds, as ``COSTS`` has it, and paid back at a rate; a callback that
proves genuine cancels what it cost. Whose debt is too high waits for its turn, unread, together with all others of its
peer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from receiver.intake.limits import Limits
from receiver.intake.peers import peer_of

TICK_S = 0.004
"""Between two looks at those who wait for a turn."""
DEBT_S_MAX = 0.01
"""Work for a peer that is done at once; more of it waits."""
RATE, RATE_ALONE = 0.25, 0.75
"""Seconds of work a second for one peer that proves nothing: beside others, and where no other is connected."""
CONNECTION_S, READ_S, REQUEST_S, PIECE_S, BYTE_S = 150e-6, 30e-6, 150e-6, 10e-6, 10e-9
"""What accepting, one read of a socket, a request with its answer, a piece of a body and a byte take, measured and
rounded up."""


class Guest(Protocol):
    """A connection, or a socket that is none yet."""

    account: Account

    def take_turn(self) -> None:
        """Go on with what waits."""

    def shed(self, why: str) -> None:
        """End it now; ``why`` is a key of ``notices.REFUSED``."""


class Account:
    """What one guest has and owes."""

    __slots__ = ("body_bytes", "debt_s", "peer", "proven", "waiting")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.proven = False
        """It has shown a valid signature, and has not been slow with a request since."""
        self.body_bytes = 0
        self.debt_s = 0.0
        """Of its peer's debt, what the request in hand cost."""
        self.waiting = False


class Peer:
    """All guests of one address."""

    __slots__ = ("_paid_s", "bodies", "body_bytes", "debt_s", "name", "proven", "unproven", "waiting")

    def __init__(self, name: str, now_s: float) -> None:
        self.name = name
        self.unproven: dict[Guest, None] = {}
        self.proven: dict[Guest, None] = {}
        self.bodies: dict[Guest, None] = {}
        """Those with bytes of a body that is not proven, the oldest first."""
        self.body_bytes = 0
        self.waiting: deque[Guest] = deque()
        self.debt_s = 0.0
        self._paid_s = now_s

    def may_work(self, now_s: float, rate: float) -> bool:
        """Whether its debt is low enough for another turn."""
        self.debt_s = max(0.0, self.debt_s - (now_s - self._paid_s) * rate)
        self._paid_s = now_s
        return self.debt_s < DEBT_S_MAX

    def has_nobody(self) -> bool:
        """Whether nobody is connected."""
        return not self.unproven and not self.proven


class Callers:
    """All guests of one listener."""

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self._limits = limits
        self._loop = loop
        self._peers: dict[str, Peer] = {}
        self._ranks = _Ranks()
        self._holders: dict[Peer, None] = {}
        self._busy: dict[Peer, None] = {}
        self._ticking = False
        self.count = 0
        """Guests now."""
        self.bodies_bytes = 0
        """Bytes of bodies in hand."""

    def enter(self, guest: Guest, address: str) -> bool:
        """Take a guest in; False where no place is left and nobody can go."""
        if self.count >= self._limits.connections_max and not self._make_place(peer_of(address)):
            return False
        peer = self._peer(address)
        guest.account = Account(peer)
        self._add(guest, peer)
        self.count += 1
        return True

    def become(self, guest: Guest, other: Guest) -> None:
        """A guest goes on as another one."""
        other.account = guest.account
        del guest.account.peer.unproven[guest]
        guest.account.peer.unproven[other] = None

    def leave(self, guest: Guest) -> None:
        """A guest is gone; saying so twice is fine."""
        peer = guest.account.peer
        if guest in peer.proven or guest in peer.unproven:
            self.drop_body(guest)
            self._remove(guest, peer)
            self.count -= 1

    def move(self, guest: Guest, address: str) -> None:
        """A trusted proxy says for whom it calls now."""
        account = guest.account
        peer = self._peer(address)
        if peer is not account.peer:
            self.drop_body(guest)
            self._remove(guest, account.peer)
            account.peer.debt_s -= account.debt_s
            peer.debt_s += account.debt_s
            account.peer, account.proven = peer, False
            self._add(guest, peer)

    def prove(self, guest: Guest) -> None:
        """A guest has shown a valid signature: what it owed is cancelled, and its body is nobody's to take."""
        account = guest.account
        account.peer.debt_s -= account.debt_s
        account.debt_s = 0.0
        self._release_body(guest)
        if not account.proven and guest in account.peer.unproven:
            self._remove(guest, account.peer)
            account.proven = True
            account.peer.proven[guest] = None

    def unprove(self, guest: Guest) -> None:
        """A guest has begun something new, and is slow with it: it is as any other until it proves that."""
        account = guest.account
        if account.proven and guest in account.peer.proven:
            self._remove(guest, account.peer)
            account.proven = False
            self._add(guest, account.peer)

    def charge(self, guest: Guest, seconds: float) -> None:
        """A guest made us work."""
        account = guest.account
        account.debt_s += seconds
        account.peer.debt_s += seconds

    def may_work(self, guest: Guest) -> bool:
        """Whether a guest may have its turn now; else it is given one by ``take_turn``, later."""
        account = guest.account
        if not account.waiting and account.peer.may_work(self._loop.time(), self._rate()):
            return True
        if not account.waiting:
            account.waiting = True
            account.peer.waiting.append(guest)
            self._busy[account.peer] = None
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK_S, self._tick)
        return False

    def take_body(self, guest: Guest, size: int) -> None:
        """So many bytes more of a body are in hand; where that is too much, somebody's body goes, maybe this one."""
        account = guest.account
        account.body_bytes += size
        self.bodies_bytes += size
        peer = account.peer
        peer.bodies[guest] = None
        peer.body_bytes += size
        self._holders[peer] = None
        while self.bodies_bytes > self._limits.bodies_bytes_max and self._holders:
            greediest = max(self._holders, key=lambda holder: holder.body_bytes)
            oldest = next(iter(greediest.bodies))
            self.drop_body(oldest)
            oldest.shed("bodies")

    def answered(self, guest: Guest) -> None:
        """A guest's request is over: its body is in nobody's hands, and what it cost can be cancelled no more."""
        self.drop_body(guest)
        guest.account.debt_s = 0.0

    def drop_body(self, guest: Guest) -> None:
        """A guest's body is in hand no more."""
        account = guest.account
        if account.body_bytes:
            self._release_body(guest)
            self.bodies_bytes -= account.body_bytes
            account.body_bytes = 0

    def bodies_full(self) -> bool:
        """Whether genuine bodies alone are as many as may be in hand: they wait for the disk."""
        return self.bodies_bytes >= self._limits.bodies_bytes_max and not self._holders

    def forget(self) -> None:
        """Forget peers that are gone and owe nothing; once a second."""
        now_s, rate = self._loop.time(), self._rate()
        for peer in [peer for peer in self._peers.values() if peer.has_nobody()]:
            peer.may_work(now_s, rate)
            if not peer.debt_s:
                del self._peers[peer.name]

    def _peer(self, address: str) -> Peer:
        name = peer_of(address)
        peer = self._peers.get(name)
        if peer is None:
            peer = self._peers[name] = Peer(name, self._loop.time())
        return peer

    def _rate(self) -> float:
        return RATE if len(self._peers) > 1 else RATE_ALONE

    def _add(self, guest: Guest, peer: Peer) -> None:
        peer.unproven[guest] = None
        self._ranks.moved(peer, len(peer.unproven) - 1, len(peer.unproven))

    def _remove(self, guest: Guest, peer: Peer) -> None:
        if guest in peer.unproven:
            del peer.unproven[guest]
            self._ranks.moved(peer, len(peer.unproven) + 1, len(peer.unproven))
        else:
            del peer.proven[guest]

    def _release_body(self, guest: Guest) -> None:
        peer = guest.account.peer
        if guest in peer.bodies:
            del peer.bodies[guest]
            peer.body_bytes -= guest.account.body_bytes
            if not peer.bodies:
                del self._holders[peer]

    def _make_place(self, newcomer: str) -> bool:
        greediest = self._ranks.first()
        if greediest is not None:
            next(iter(greediest.unproven)).shed("unproven")
            return True
        # All have proven something. Who has more than half of all places gives one up to somebody else.
        owner = max(self._peers.values(), key=lambda peer: len(peer.proven))
        if owner.name == newcomer or len(owner.proven) * 2 <= self.count:
            return False
        next(iter(owner.proven)).shed("share")
        return True

    def _tick(self) -> None:
        now_s, rate = self._loop.time(), self._rate()
        try:
            for peer in list(self._busy):
                while peer.waiting and peer.may_work(now_s, rate):
                    guest = peer.waiting.popleft()
                    guest.account.waiting = False
                    guest.take_turn()
                if not peer.waiting:
                    del self._busy[peer]
        finally:  # also where a turn failed, which the loop then tells
            self._ticking = bool(self._busy)
            if self._ticking:
                self._loop.call_later(TICK_S, self._tick)


class _Ranks:
    """Peers by how many guests they have that have proven nothing: the first is found without a look at all others."""

    def __init__(self) -> None:
        self._at: dict[int, dict[Peer, None]] = {}
        self._top = 0

    def moved(self, peer: Peer, before: int, after: int) -> None:
        if before:
            del self._at[before][peer]
            if not self._at[before]:
                del self._at[before]
        if after:
            self._at.setdefault(after, {})[peer] = None
        self._top = max(self._top, after)
        while self._top and self._top not in self._at:
            self._top -= 1

    def first(self) -> Peer | None:
        return next(iter(self._at[self._top])) if self._top else None
