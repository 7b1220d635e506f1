"""Following the outbox for reconcile, which asks about what it finds there; and forgetting what is old."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.journal.cutoff import Cutoff
from receiver.journal.ports import InboxReader, Outbox, Requests
from receiver.journal.watchlist import Watchlist
from receiver.model.callback import EntryId
from receiver.model.clock import Clock
from receiver.model.times import DAY_US
from receiver.providers.contract import Api
from receiver.reconcile.follow_outbox import watch_update

LISTEN_STEP = 1000
"""Outbox records looked at in one commit."""
TIDY_S = 600.0
TIDY_STEP = 200
CLOSED_KEPT_US = 35 * DAY_US
"""How long a closed operation is remembered, so that a list that names it again is no news: longer than any window."""


class OutboxFollower:
    """Reads the outbox on, in steps. To be used by one thread, which the stores belong to."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        *,
        watchlist: Watchlist,
        outbox: Outbox,
        inbox: InboxReader,
        requests: Requests,
        apis: Mapping[str, Api],
        clock: Clock,
        retention_days: int,
    ) -> None:
        """``apis``: source → how its operations are asked about; records of other sources are passed over."""
        self._watchlist = watchlist
        self._outbox = outbox
        self._inbox = inbox
        self._cutoff = Cutoff(inbox, requests)
        self._apis = apis
        self._clock = clock
        self._retention_days = retention_days
        self._tidy_s = clock.monotonic_s() + TIDY_S

    def listen(self) -> bool:
        """Look at the next records; whether there may be more. Raises ``StoreFailed``."""
        after = self._watchlist.outbox_read_to()
        records = self._outbox.read(after, LISTEN_STEP)
        if not records:
            last = self._outbox.last_number()
            if last < after:  # a person mended the outbox
                self._watchlist.apply((), last)
            return False
        now_us = self._clock.now_us()
        known = ((record, self._apis.get(record.source)) for record in records)
        updates = (watch_update(record, api, self._inbox.entry, now_us) for record, api in known if api is not None)
        self._watchlist.apply([update for update in updates if update is not None], records[-1].number)
        return True

    def tidy(self) -> None:
        """Forget a little of what is old, if it is time to; raises ``StoreFailed``.

        An answer goes as a callback does: interpreted, older than the retention, not open in quarantine.
        """
        if self._clock.monotonic_s() < self._tidy_s:
            return
        now_us = self._clock.now_us()
        self._watchlist.forget_closed(now_us - CLOSED_KEPT_US)
        before_us = self._cutoff.before_us(now_us, self._retention_days)
        more = before_us is not None and self._purge_answers(before_us)
        if not more:
            self._tidy_s = self._clock.monotonic_s() + TIDY_S

    def _purge_answers(self, before_us: int) -> bool:
        interpreted = self._outbox.progress("requests").number
        numbers = self._watchlist.old_answers(before_us, interpreted, TIDY_STEP)
        standings = self._outbox.quarantined([EntryId("requests", number) for number in numbers])
        kept = {entry_id.number for entry_id, standing in standings.items() if standing.state == "open"}
        gone = [number for number in numbers if number not in kept]
        self._watchlist.purge_answers(gone)
        return bool(gone) and len(numbers) == TIDY_STEP
