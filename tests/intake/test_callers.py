"""Who has to wait and who has to go, where several want what there is only once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from receiver.intake.callers import DEBT_S_MAX, RATE, TICK_S, TURN_S, Account, Callers
from receiver.intake.limits import Limits


class Loop:
    """A loop whose time is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.later: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> None:
        assert delay_s == TICK_S
        self.later.append(call)

    def call_soon(self, call: Callable[[], None]) -> None:
        self.later.append(call)

    def tick(self) -> None:
        """Let one tick pass."""
        self.now_s += TICK_S
        calls, self.later = self.later, []
        for call in calls:
            call()


class Guest:
    """Somebody connected."""

    account: Account

    def __init__(self, callers: Callers, address: str) -> None:
        self.callers = callers
        self.gone: str | None = None
        self.turns = 0
        self.given: list[Guest] = []
        self.turn_s = DEBT_S_MAX
        self.fault: Exception | None = None
        self.taken = callers.enter(self, address)

    def take_turn(self) -> None:
        self.turns += 1
        self.given.append(self)
        self.callers.charge(self, self.turn_s)
        if self.fault is not None:
            raise self.fault

    def shed(self, why: str) -> None:
        self.gone = why
        if why != "bodies":
            self.callers.leave(self)


class World:
    """Callers of a listener with four places and 1000 bytes."""

    def __init__(self, **limits: Any) -> None:
        self.loop = Loop()
        self.given: list[Guest] = []
        """Who was given a turn, in order."""
        self.callers = Callers(
            Limits(**({"connections_max": 4, "bodies_bytes_max": 1000} | limits)), cast("Any", self.loop)
        )

    def charge(self, guest: Guest, seconds: float) -> None:
        """What a guest made us do in a turn of the loop that is over."""
        self.callers.charge(guest, seconds)
        self.callers.begin_turn()

    def guest(self, address: str, *, proven: bool = False) -> Guest:
        """One more."""
        made = Guest(self.callers, address)
        made.given = self.given
        if proven:
            self.callers.prove(made)
        return made


@pytest.fixture
def world() -> World:
    """A small one."""
    return World()


def test_one_address_may_have_every_place_while_nobody_else_wants_one(world: World) -> None:
    """A proxy that nobody named stands for many callers."""
    assert all(world.guest("10.0.0.1").taken for _ in range(4))


def test_for_a_further_one_the_oldest_of_the_greediest_goes(world: World) -> None:
    """It has shown no valid signature; who calls from elsewhere, however early, stays."""
    other = world.guest("10.0.0.2")
    many = [world.guest("10.0.0.1") for _ in range(3)]
    late = world.guest("10.0.0.3")
    assert late.taken
    assert [guest.gone for guest in (other, *many)] == [None, "unproven", None, None]
    assert world.callers.count == 4


def test_who_has_proven_something_never_goes_for_who_has_not(world: World) -> None:
    """Though it is of the same address, and older."""
    proven = [world.guest("10.0.0.1", proven=True) for _ in range(3)]
    first, second = world.guest("10.0.0.1"), world.guest("10.0.0.1")
    assert (first.gone, second.taken) == ("unproven", True)
    assert all(guest.gone is None for guest in proven)


def test_where_all_have_proven_something_the_next_has_no_place(world: World) -> None:
    """Unless one address has more than half of all: then that gives one up to another address."""
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"):
        world.guest(address, proven=True)
    assert not world.guest("10.0.0.3").taken
    other = World()
    captured = [other.guest("10.0.0.1", proven=True) for _ in range(4)]
    assert not other.guest("10.0.0.1").taken
    assert other.guest("10.0.0.3").taken
    assert [guest.gone for guest in captured] == ["share", None, None, None]


def test_who_is_slow_with_the_next_request_has_proven_nothing_with_the_last(world: World) -> None:
    """A captured callback buys no place for ever."""
    slow = world.guest("10.0.0.1", proven=True)
    world.callers.unprove(slow)
    for _ in range(4):
        world.guest("10.0.0.2", proven=True)
    assert slow.gone == "unproven"


def test_places_are_free_again(world: World) -> None:
    """Also where leaving is said twice."""
    for _ in range(20):
        guest = world.guest("10.0.0.1")
        world.callers.leave(guest)
        world.callers.leave(guest)
        assert guest.gone is None
    assert world.callers.count == 0


def test_the_oldest_unproven_body_of_the_greediest_goes(world: World) -> None:
    """What is proven counts and stays."""
    genuine = world.guest("10.0.0.2")
    world.callers.take_body(genuine, 300)
    world.callers.prove(genuine)
    held = [world.guest("10.0.0.1") for _ in range(2)]
    for guest in held:
        world.callers.take_body(guest, 300)
    honest = world.guest("10.0.0.3")
    world.callers.take_body(honest, 200)
    assert [guest.gone for guest in (genuine, *held, honest)] == [None, "bodies", None, None]
    assert world.callers.bodies_bytes == 800
    for guest in (genuine, *held, honest):
        world.callers.answered(guest)
        world.callers.leave(guest)
    assert world.callers.bodies_bytes == 0


def test_bodies_are_full_where_genuine_ones_alone_are_too_many(world: World) -> None:
    """They wait for the disk, and none of them may go: the next is told to come again before it is read."""
    genuine = world.guest("10.0.0.1")
    world.callers.take_body(genuine, 1000)
    assert not world.callers.bodies_full()
    world.callers.prove(genuine)
    assert world.callers.bodies_full()
    world.callers.answered(genuine)
    assert not world.callers.bodies_full()


def test_who_makes_too_much_work_waits_and_others_do_not(world: World) -> None:
    """Turn by turn, as its debt is paid back; the guests of one address share one debt."""
    flood, same, honest = world.guest("10.0.0.1"), world.guest("10.0.0.1"), world.guest("10.0.0.2")
    world.charge(flood, 10 * DEBT_S_MAX)
    assert not world.callers.may_work(flood)
    assert not world.callers.may_work(same)
    assert world.callers.may_work(honest)
    world.loop.tick()
    assert (flood.turns, same.turns) == (0, 0)
    for _ in range(int(9 * DEBT_S_MAX / RATE / TICK_S) + 2):
        world.loop.tick()
    assert (flood.turns, same.turns) == (1, 0)
    while world.loop.later:
        world.loop.tick()
    assert (flood.turns, same.turns) == (1, 1)


def test_a_genuine_callback_cancels_what_it_cost(world: World) -> None:
    """Providers in a burst never wait; what was cancelled once is not cancelled again."""
    burst = world.guest("10.0.0.1")
    for _ in range(100):
        world.charge(burst, DEBT_S_MAX / 2)
        assert world.callers.may_work(burst)
        world.callers.prove(burst)
        world.callers.answered(burst)
    world.charge(burst, 2 * DEBT_S_MAX)
    world.callers.answered(burst)
    world.callers.prove(burst)
    assert not world.callers.may_work(burst)


def test_going_away_pays_nothing(world: World) -> None:
    """Who comes again owes what it owed; a peer is forgotten when it owes nothing."""
    flood = world.guest("10.0.0.1")
    world.charge(flood, 10 * DEBT_S_MAX)
    world.callers.leave(flood)
    world.callers.forget()
    assert not world.callers.may_work(world.guest("10.0.0.1"))
    world.loop.now_s += 60
    world.callers.forget()
    assert world.callers.may_work(world.guest("10.0.0.1"))


def test_a_trusted_proxys_connection_counts_for_whom_it_calls(world: World) -> None:
    """Its debt goes with it, and what it has proven for another does not."""
    proxied = world.guest("10.0.0.1", proven=True)
    world.callers.move(proxied, "203.0.113.5")
    assert (proxied.account.peer.name, proxied.account.proven) == ("203.0.113.5", False)
    world.charge(proxied, 2 * DEBT_S_MAX)
    assert world.callers.may_work(world.guest("10.0.0.1"))
    assert not world.callers.may_work(world.guest("203.0.113.5"))
    world.callers.move(proxied, "203.0.113.5")
    world.callers.leave(proxied)
    assert world.callers.count == 2


def test_those_who_are_gone_are_passed_over(world: World) -> None:
    """A guest that was shed while it waited does nothing in its turn but be there once."""
    flood = world.guest("10.0.0.1")
    world.charge(flood, 2 * DEBT_S_MAX)
    assert not world.callers.may_work(flood)
    world.callers.leave(flood)
    while world.loop.later:
        world.loop.tick()
    assert flood.turns == 1


def test_a_guest_goes_on_as_another(world: World) -> None:
    """A socket becomes a connection, with all that it has and owes."""
    first = world.guest("10.0.0.1")
    later = Guest.__new__(Guest)
    later.gone = None
    later.callers = world.callers
    world.callers.become(first, later)
    assert later.account is first.account
    world.callers.leave(later)
    assert world.callers.count == 0


def test_what_proves_nothing_has_a_part_of_each_turn_of_the_loop() -> None:
    """Of however many addresses it comes; who has proven something does not wait for it."""
    world = World(connections_max=100)
    proven = world.guest("10.0.1.1", proven=True)
    many = [world.guest(f"10.0.0.{number}") for number in range(10)]
    had = 0
    for guest in many:
        if world.callers.may_work(guest):
            had += 1
            world.callers.charge(guest, TURN_S / 4)
    assert had == 4
    assert world.callers.may_work(proven)
    world.callers.begin_turn()
    assert world.callers.may_work(many[0])
    assert not world.callers.may_work(many[-1])  # it stands in line already
    for guest in many[4:]:
        guest.turn_s = TURN_S / 4
    world.loop.tick()
    assert [guest.turns for guest in many] == [0] * 4 + [1] * 4 + [0] * 2
    world.loop.tick()
    assert [guest.turns for guest in many] == [0] * 4 + [1] * 6
    assert world.loop.later == []


def test_who_owes_little_is_given_the_next_turn_before_all_who_owe_much() -> None:
    """An honest newcomer waits for one turn of the loop, and not for the line of a flood."""
    world = World(connections_max=100)
    floods = [world.guest(f"10.0.0.{number}") for number in range(10) for _ in range(3)]
    for guest in floods:
        guest.turn_s = TURN_S
        world.charge(guest, DEBT_S_MAX)
        assert not world.callers.may_work(guest)
    world.callers.charge(floods[0], TURN_S)
    honest = world.guest("10.0.1.1")
    assert not world.callers.may_work(honest)
    world.loop.now_s += 3 * DEBT_S_MAX / RATE
    while len(world.given) < 11:
        world.loop.tick()
    assert world.given[0] is honest
    assert [guest.account.peer.name for guest in world.given[1:11]] == [f"10.0.0.{number}" for number in range(10)]


def test_who_has_proven_something_owes_only_what_is_refused(world: World) -> None:
    """Its genuine callbacks cost its address nothing while they are on their way; what is refused does, at once."""
    proven, newcomer = world.guest("10.0.0.1", proven=True), world.guest("10.0.0.1")
    world.charge(proven, DEBT_S_MAX / 2)
    assert proven.account.peer.debt_s == 0
    world.callers.prove(proven)
    world.callers.answered(proven)
    world.charge(proven, 2 * DEBT_S_MAX)
    assert (proven.account.proven, world.callers.may_work(newcomer)) == (True, True)
    world.callers.answered(proven)
    assert (proven.account.proven, world.callers.may_work(newcomer)) == (False, False)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_request_that_costs_much_is_nobodys_privilege(world: World, leaves: bool) -> None:  # noqa: FBT001
    """Whatever its sender has proven before; nor does going away in the middle of it pay for it."""
    proven, other = world.guest("10.0.0.1", proven=True), world.guest("10.0.0.1")
    world.charge(proven, DEBT_S_MAX)
    if leaves:
        world.callers.leave(proven)
    else:
        assert not world.callers.may_work(proven)
        assert not proven.account.proven
    assert not world.callers.may_work(other)


def test_a_turn_that_fails_is_its_guests_own(world: World) -> None:
    """Those behind it are given theirs in the next one."""
    broken, other = world.guest("10.0.0.1"), world.guest("10.0.0.2")
    broken.fault = ValueError("no")
    for guest in (broken, other):
        guest.turn_s = 0.0
        world.charge(guest, 2 * DEBT_S_MAX)
        assert not world.callers.may_work(guest)
    world.loop.now_s += 10 * DEBT_S_MAX / RATE
    with pytest.raises(ValueError, match="no"):
        world.loop.tick()
    world.loop.tick()
    assert (broken.turns, other.turns) == (1, 1)
