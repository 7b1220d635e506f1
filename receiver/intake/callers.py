"""Who is connected, and what each of them may have: connections, bytes of bodies, and turns at the event loop.

Who has shown a valid signature is served; who has not has as much as is left over. There is no share of its own for
each address, since many callers may stand behind one (a proxy that nobody named in ``server.trusted_proxies``): an
address may have everything while nobody else wants it. Where something is full, it is taken from the peer that has the
most of it unproven, the oldest first.

Turns. A flood that is answered as fast as it comes leaves the loop no time for others, though every limit on size is
kept. So what a peer makes us do is counted in seconds, as the costs below have it, and paid back at a rate; a callback
that proves genuine cancels what it cost. Whose debt is too high waits for its turn, unread, together with all others of
its peer. And of each turn of the loop what proves nothing gets a part, of however many peers it comes. Beyond it, the
next turn goes on with it, and there who owes little comes first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from receiver.intake.limits import Limits
from receiver.intake.peers import peer_of

TICK_S = 0.002
"""Between two looks at those who wait for a turn."""
DEBT_S_MAX = 0.005
"""Work for a peer that is done at once; more of it waits."""
TURN_S = 0.0015
"""Work in one turn of the loop for all that proves nothing: so long a genuine callback may wait behind it."""
RATE, RATE_ALONE = 0.25, 0.75
"""Seconds of work a second for one peer that proves nothing: beside others, and where no other is connected."""
CONNECTION_S, READ_S, REQUEST_S, PIECE_S, BYTE_S = 60e-6, 30e-6, 150e-6, 10e-6, 10e-9
"""What accepting, one read of a socket, a request with its answer, a piece of a body and a byte take, rounded up: the
first is an estimate, the others were measured."""


class Guest(Protocol):
    """A connection, or a socket that is none yet."""

    account: Account

    def take_turn(self) -> None:
        """Go on with what waits."""

    def shed(self, why: str) -> None:
        """End it now; ``why`` is a key of ``notices.REFUSED``."""


class Account:
    """What one guest has and owes."""

    __slots__ = ("body_bytes", "debt_s", "peer", "proven", "shown", "waiting")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.proven = False
        """It has shown a valid signature, and since then it was not slow with a request, and none was refused."""
        self.body_bytes = 0
        self.debt_s = 0.0
        """What the request in hand cost: a part of its peer's debt, but where the guest has proven something. Then it
        becomes that once the request is refused, or slow."""
        self.shown = False
        """The request in hand has shown a valid signature."""
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
        """As of the last time that it was paid back."""
        self._paid_s = now_s

    def pays_back(self, now_s: float, rate: float) -> None:
        """Time went by."""
        self.debt_s = max(0.0, self.debt_s - (now_s - self._paid_s) * rate)
        self._paid_s = now_s

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
        self._next: dict[Peer, None] = {}
        """With guests that wait because others had this turn of the loop."""
        self._busy: dict[Peer, None] = {}
        """With guests that wait because their peer owes too much, or had its turn."""
        self._planned_soon = self._planned_later = False
        self._turn_s = 0.0
        """Work for what proves nothing in this turn of the loop."""
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
            self.unprove(guest)
            self.drop_body(guest)
            self._remove(guest, peer)
            self.count -= 1

    def move(self, guest: Guest, address: str) -> None:
        """A trusted proxy says for whom it calls now."""
        account = guest.account
        peer = self._peer(address)
        if peer is not account.peer:
            self.unprove(guest)
            self.drop_body(guest)
            self._remove(guest, account.peer)
            account.peer.debt_s -= account.debt_s
            peer.debt_s += account.debt_s
            account.peer = peer
            self._add(guest, peer)

    def prove(self, guest: Guest) -> None:
        """A guest has shown a valid signature: what it owed is cancelled, and its body is nobody's to take."""
        account = guest.account
        if account.body_bytes:
            self._release_body(guest)
        if not account.proven:
            account.peer.debt_s -= account.debt_s
            self._turn_s -= account.debt_s
            if guest in account.peer.unproven:
                self._remove(guest, account.peer)
                account.proven = True
                account.peer.proven[guest] = None
        account.debt_s = 0.0
        account.shown = True

    def unprove(self, guest: Guest) -> None:
        """A guest is slow with something new, or was refused: it is as any other until it proves something again."""
        account = guest.account
        if account.proven and guest in account.peer.proven:
            self._remove(guest, account.peer)
            account.proven = False
            self._add(guest, account.peer)
            account.peer.debt_s += account.debt_s

    def charge(self, guest: Guest, seconds: float) -> None:
        """A guest made us work."""
        account = guest.account
        account.debt_s += seconds
        if not account.proven:
            account.peer.debt_s += seconds
            self._turn_s += seconds

    def begin_turn(self) -> None:
        """The loop has a new turn."""
        self._turn_s = 0.0

    def may_work(self, guest: Guest) -> bool:
        """Whether a guest may have its turn now; else it is given one by ``take_turn``, later."""
        account = guest.account
        peer = account.peer
        if account.waiting:
            return False
        if account.proven and account.debt_s >= DEBT_S_MAX:
            self.unprove(guest)
        if peer.debt_s >= DEBT_S_MAX:
            peer.pays_back(self._loop.time(), self._rate())
        owes_much = peer.debt_s >= DEBT_S_MAX
        if not owes_much and (account.proven or self._turn_s < TURN_S):
            return True
        account.waiting = True
        peer.waiting.append(guest)
        if peer not in self._next and peer not in self._busy:
            (self._busy if owes_much else self._next)[peer] = None
        self._plan(soon=not owes_much)
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
        account = guest.account
        if account.body_bytes:
            self.drop_body(guest)
        if account.proven and not account.shown:
            self.unprove(guest)
        account.shown = False
        account.debt_s = 0.0

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
            peer.pays_back(now_s, rate)
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

    def _plan(self, *, soon: bool) -> None:
        # In the loop's next turn, after those who are ready by then, or when debts are paid back a little.
        if soon and not self._planned_soon:
            self._planned_soon = True
            self._loop.call_soon(self._go_on_soon)
        elif not soon and not self._planned_later:
            self._planned_later = True
            self._loop.call_later(TICK_S, self._go_on_later)

    def _go_on_soon(self) -> None:
        self._planned_soon = False
        self._go_on()

    def _go_on_later(self) -> None:
        self._planned_later = False
        self._go_on()

    def _go_on(self) -> None:
        self.begin_turn()
        try:
            self._give_turns(self._loop.time(), self._rate())
        finally:  # also where a turn failed, which the loop then tells
            if self._next or self._busy:
                self._plan(soon=bool(self._next) or self._turn_s >= TURN_S)

    def _give_turns(self, now_s: float, rate: float) -> None:
        # To each peer one, and again while any may have one. Who was given one is the last to be given the next.
        given = True
        while given:
            given = False
            for peer in (*self._next, *self._busy):
                if self._turn_s >= TURN_S:
                    return
                peer.pays_back(now_s, rate)
                if peer.debt_s < DEBT_S_MAX:
                    self._give_turn(peer)
                    given = True
                elif peer in self._next:
                    del self._next[peer]
                    self._busy[peer] = None

    def _give_turn(self, peer: Peer) -> None:
        self._next.pop(peer, None)
        self._busy.pop(peer, None)
        guest = peer.waiting.popleft()
        if peer.waiting:
            self._busy[peer] = None
        guest.account.waiting = False
        guest.take_turn()


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
