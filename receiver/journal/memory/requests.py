"""A requests store, a sample of rejects, marks and runs in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from receiver.journal.ports import RUNS_LISTED_MAX
from receiver.model.callback import RawCallback
from receiver.model.errors import ReceiverError
from receiver.model.records import Reject, Request


class MemoryRequests:
    """``ports.Requests``."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._last = 0

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Keep one request and give its number."""
        kept = _as_json(payload)
        self._last += 1
        self.requests.append(Request(self._last, request_type, made_at_us, kept))
        return self._last

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Requests above ``after``."""
        return [request for request in self.requests if request.number > after][:limit]

    def last_number(self) -> int:
        """The highest number given so far."""
        return self._last

    def purge(self, numbers: Sequence[int]) -> None:
        """Delete answers, for the watch list."""
        self.requests = [one for one in self.requests if one.request_type != "poll" or one.number not in numbers]

    def close(self) -> None:
        """It goes on for whoever else has it."""


class MemoryRejects:
    """``ports.Rejects``."""

    def __init__(self) -> None:
        self._kept: list[Reject] = []
        self._near: dict[int, int] = {}
        self._last = 0

    def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
        """As the port says."""
        self._last += 1
        self._kept.append(Reject(self._last, why, raw))
        self._near[self._last] = near
        while len(self._kept) > kept_max:
            self._kept.remove(max(self._kept, key=self._last_place))

    def _last_place(self, reject: Reject) -> tuple[int, int, int]:
        kind = [one for one in self._kept if (one.raw.source, one.why) == (reject.raw.source, reject.why)]
        place = 1 + sum(self._order(one, kind) < self._order(reject, kind) for one in kind)
        return place, -self._near[reject.number], -reject.number

    def _order(self, reject: Reject, kind: Sequence[Reject]) -> tuple[int, int, int]:
        near, hour = self._near[reject.number], _hour(reject)
        newer = (one for one in kind if (self._near[one.number], _hour(one)) == (near, hour))
        return -near, sum(one.number > reject.number for one in newer), -reject.number

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget these, for an erasure."""
        self._kept = [reject for reject in self._kept if reject.number not in numbers]

    def forget_before(self, before_us: int) -> int:
        """Forget what was received before a time."""
        old = [reject.number for reject in self._kept if reject.raw.received_at_us < before_us]
        self.drop(old)
        return len(old)

    def newest(self, limit: int) -> Sequence[Reject]:
        """The newest ones first."""
        return self._kept[::-1][:limit]

    def get(self, number: int) -> Reject | None:
        """One of them."""
        return next((reject for reject in self._kept if reject.number == number), None)

    def close(self) -> None:
        """It goes on for whoever else has it."""


def _hour(reject: Reject) -> int:
    return reject.raw.received_at_us // 3_600_000_000


class MemoryMarks:
    """``ports.Marks``."""

    def __init__(self) -> None:
        self._range = (0, 0)
        self._lessons: Mapping[str, Any] = {}

    def set(self, first: int, last: int) -> None:
        """Note what is being interpreted."""
        self._range = first, last

    def read(self) -> tuple[int, int]:
        """What was noted last."""
        return self._range

    def lessons(self) -> Mapping[str, Any]:
        """The document that was kept."""
        return self._lessons

    def keep_lessons(self, document: Mapping[str, Any]) -> None:
        """Keep it."""
        self._lessons = _as_json(document)

    def close(self) -> None:
        """It goes on for whoever else has it."""


class MemoryRuns:
    """``ports.Runs``."""

    def __init__(self) -> None:
        self._runs: dict[str, Mapping[str, Any]] = {}

    def save(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Keep a run's state."""
        self._runs.pop(run_id, None)
        self._runs[run_id] = _as_json(document)

    def load(self, run_id: str) -> dict[str, Any]:
        """Read it; raises ``ReceiverError``."""
        if run_id not in self._runs:
            raise ReceiverError(f"there is no run {run_id}")
        return _as_json(self._runs[run_id])

    def listed(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """The newest runs."""
        return [(run_id, _as_json(state)) for run_id, state in reversed(self._runs.items())][:RUNS_LISTED_MAX]


def _as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    # What another process would read; raises ``TypeError`` where there is no JSON for it.
    return dict(orjson.loads(orjson.dumps(document)))
