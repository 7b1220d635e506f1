"""What people may ask for: each a form of ours, a reason where something ends, a line in the log, and a request.

Nothing here changes the journal itself: the relay carries requests out, in order, as it does those of the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from receiver.console.answers import Ask, BadQuestion, GoTo, NoSuchPage, Page
from receiver.console.desk import Desk
from receiver.console.pages.callback import callback
from receiver.console.pages.quarantine import TYPED_ABOVE, members
from receiver.console.pages.replay import wanted_of
from receiver.console.pages.simulator import FAULTS
from receiver.model.callback import EntryId
from receiver.model.cards import mask_cards
from receiver.model.records import QuarantineFilter
from receiver.operate import watchlist
from receiver.operate.quarantine import quarantined
from receiver.operate.reprocess import reprocess_preview
from receiver.operate.requests import REQUEST_MAX, leave

WHY_CHARACTERS_MIN = 3
RATE_MAX = 50.0


def redrive(desk: Desk, ask: Ask) -> GoTo:
    """Ask for what is chosen of a group, or for all of it, to be interpreted again."""
    ids = _chosen(desk, ask)
    _typed(ask, len(ids))
    return _asked(desk, ask, "redrive", ids)


def close(desk: Desk, ask: Ask) -> GoTo:
    """Ask for what is chosen to be ended: it will never be readable."""
    why = ask.text("why") or ""
    if len(why) < WHY_CHARACTERS_MIN:
        raise BadQuestion("say why, for whoever looks at it later")
    ids = _chosen(desk, ask)
    _typed(ask, len(ids))
    return _asked(desk, ask, "close", ids, why=f"{why} ({ask.visitor.who})")


def reprocess(desk: Desk, ask: Ask) -> GoTo:
    """Ask for the chosen events that today's code reads otherwise to be published again, as later revisions."""
    wanted = wanted_of(ask)
    numbers = [number for number, _, _ in islice(reprocess_preview(desk.context, wanted), REQUEST_MAX)]
    if not numbers:
        raise BadQuestion("today's code reads nothing of that otherwise")
    _typed(ask, len(numbers))
    return _asked(desk, ask, "reprocess", [EntryId("inbox", number) for number in numbers])


def replay(desk: Desk, ask: Ask) -> GoTo:
    """Send the chosen callbacks to a receiver of this machine, signed anew."""
    if desk.replays is None:
        raise NoSuchPage("nobody may begin a replay here")
    run = desk.replays.start(wanted_of(ask), ask.text("url") or "", ask.visitor.who, ask.text("run"))
    desk.context.log.info("console.replay", who=ask.visitor.who, run=run.run_id, url=run.url)
    return GoTo("/replay")


def stop_replay(desk: Desk, ask: Ask) -> GoTo:
    """Begin no further callback of the run under way."""
    if desk.replays is not None:
        desk.replays.stop(f"stopped by {ask.visitor.who}")
    return GoTo("/replay")


def whole(desk: Desk, ask: Ask) -> Page:
    """Show one callback's body as it came, with whole card numbers; who saw it and why is in the log before that."""
    why = mask_cards(ask.text("why") or "")
    if len(why) < WHY_CHARACTERS_MIN:
        raise BadQuestion("say why you need the whole body; it is kept in the log with your name")
    page = callback(desk, replace(ask, path={"id": ask.text("callback") or ""}), unmasked=True)
    if page.values["entry"] is None:
        raise NoSuchPage("its body has been purged")
    shown = str(page.values["id"])
    desk.context.log.info("console.body_shown", who=ask.visitor.who, callback=shown, why=why)
    return replace(page, values={**page.values, "whole": why})


def track(desk: Desk, ask: Ask) -> GoTo:
    """Watch an operation from now on."""
    source, operation = ask.text("source") or "", ask.text("operation") or ""
    card = desk.source(source)
    if card is None or not card.asked:
        raise BadQuestion(f"{source or 'no source'} is none whose provider is asked")
    watchlist.check_operation_id(desk.context, source, operation)
    watchlist.track(desk.context, source, operation)
    desk.context.log.info("console.tracked", who=ask.visitor.who, source=source, operation=operation)
    return GoTo("/reconcile", {"source": source})


def start(desk: Desk, ask: Ask) -> GoTo:
    """Begin to play a provider."""
    if desk.simulator is None:
        raise NoSuchPage("there is a simulator under `receiver dev` alone")
    faults = {name: _share(ask, name) for name in FAULTS}
    rate = _decimal(ask.text("rate") or "2", "rate")
    if not 0 < rate <= RATE_MAX:
        raise BadQuestion(f"rate is above 0 and up to {RATE_MAX:.0f} callbacks a second")
    desk.simulator.start(ask.text("source") or "", ask.text("scenario") or "", rate, faults)
    return GoTo("/simulator")


def stop(desk: Desk, ask: Ask) -> GoTo:
    """Play no more."""
    del ask
    if desk.simulator is None:
        raise NoSuchPage("there is a simulator under `receiver dev` alone")
    desk.simulator.stop()
    return GoTo("/simulator")


def _asked(desk: Desk, ask: Ask, request_type: str, ids: Sequence[EntryId], **more: str) -> GoTo:
    number = leave(desk.context, request_type, ids, **more)
    why = more.get("why", "")
    log = desk.context.log
    log.info("console.request", who=ask.visitor.who, request=number, type=request_type, callbacks=len(ids), why=why)
    return GoTo(f"/request/{number}")


def _chosen(desk: Desk, ask: Ask) -> list[EntryId]:
    """Those whose boxes are ticked, else the whole group; only what is open. Raises ``BadQuestion`` for none."""
    try:
        ticked = {EntryId.parse(one) for one in ask.chosen}
    except ValueError as error:
        raise BadQuestion(str(error)) from None
    if ticked:
        found = [one.id for one in quarantined(desk.context, QuarantineFilter(), ticked)]
    else:
        if ask.text("reason") is None:
            raise BadQuestion("tick those that are meant")
        found = [EntryId.parse(str(row["id"])) for row in members(desk, ask)[0] if row["state"] == "open"]
    if not found:
        raise BadQuestion("none of those is open in quarantine any more")
    return found[:REQUEST_MAX]


def _typed(ask: Ask, count: int) -> None:
    if count > TYPED_ABOVE and ask.text("count") != str(count):
        raise BadQuestion(f"these are {count}: type that number, so that nobody does it by a slip")


def _share(ask: Ask, name: str) -> float:
    percent = _decimal(ask.text(name) or "0", name)
    if not 0 <= percent <= 100:
        raise BadQuestion(f"{name} is from 0 to 100 percent")
    return percent / 100


def _decimal(said: str, name: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise BadQuestion(f"{name} is a number, not {said}") from None


ACTIONS: Mapping[str, Callable[[Desk, Ask], GoTo | Page]] = {
    "/callback/whole": whole,
    "/quarantine/redrive": redrive,
    "/quarantine/close": close,
    "/replay/reprocess": reprocess,
    "/replay/start": replay,
    "/replay/stop": stop_replay,
    "/reconcile/track": track,
    "/simulator/start": start,
    "/simulator/stop": stop,
}
"""Address → what a form there asks for."""
