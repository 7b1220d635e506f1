"""Every error of this service is a decision: how to answer, and whether trying again helps.

One root, ``ReceiverError``. Only ``intake`` turns a ``Refusal`` into a status code and only ``cli`` turns the others
into exit codes.
"""

from __future__ import annotations

from typing import ClassVar


class ReceiverError(Exception):
    """The root of all errors raised on purpose here."""


class WrongUse(ReceiverError):
    """What a person asked for cannot be, whatever the state of things: a name that is none, a URL that is none."""


class Refusal(ReceiverError):
    """A request that is not taken. ``status`` and ``code`` are the whole answer: the caller learns no detail.

    ``why`` is for our own log and metrics, a short fixed word that never quotes the request.
    """

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, why: str = "") -> None:
        super().__init__(why or self.code)
        self.why = why or self.code


class HeadersTooLarge(Refusal):
    """More header bytes or fields than the limit; raised before anything else is looked at."""

    status = 431
    code = "headers_too_large"


class NotFound(Refusal):
    """No such path, or no such source."""

    status = 404
    code = "not_found"


class MethodNotAllowed(Refusal):
    """Anything but POST."""

    status = 405
    code = "method_not_allowed"


class Unauthorized(Refusal):
    """Not proven genuine: header missing, repeated or misshapen, key unknown, time stale, digest wrong."""

    status = 401
    code = "unauthorized"


class BodyTooLarge(Refusal):
    """A body over the limit, declared or streamed."""

    status = 413
    code = "body_too_large"


class Unavailable(Refusal):
    """It cannot be made safe now; the provider should try again after ``retry_after_s`` seconds."""

    status = 503
    code = "unavailable"
    retry_after_s: ClassVar[int] = 10


class NotUnderstood(ReceiverError):
    """A genuine callback that becomes no event: quarantined with ``reason``, answered 200 all the same.

    ``reason`` is one of ``exchange_events.quarantine.Reason``; ``detail`` names the offending field's path, never its
    value.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class JournalError(ReceiverError):
    """The journal cannot be used: stores that do not fit, a newer format. Trying again does not help."""


class JournalBusy(JournalError):
    """Another process of this service holds the journal; trying again helps once it has ended."""


class NothingRefused(JournalError):
    """There is no sample of refused callbacks to read: none was refused yet, or the sample was deleted."""


class StoreFailed(ReceiverError):
    """The disk or the database refused for now (full, I/O error); nothing is half kept, and trying again may help."""


class StoreAway(StoreFailed):
    """The database cannot be reached, starts, or has no connection left; trying again helps once that is over."""


class Fenced(StoreFailed):
    """The slot is in other hands by now: nothing of the commit is kept, and trying again never helps."""


class KafkaUnavailable(ReceiverError):
    """Kafka or a topic is not there for now; try again with back-off. The text names what is missing."""


class KafkaFenced(ReceiverError):
    """A newer producer with our transactional id exists, or our transaction timed out: start anew."""


class KafkaStopped(ReceiverError):
    """The journal and Kafka's memory of it do not fit: a person decides (``receiver journal rejoin``)."""


class RecordRefused(ReceiverError):
    """Kafka refuses a batch of records as too large, and nothing else: any other error can pass, whatever it is.

    ``record`` is the outbox number of the largest one. ``alone`` says that it was the only one in what was refused: it
    is too large itself. Else it may be that they are too large together.
    """

    def __init__(self, record: int, why: str, *, alone: bool = False) -> None:
        super().__init__(f"record {record}: {why}")
        self.record = record
        self.why = why
        self.alone = alone


class ConfigurationError(ReceiverError):
    """The configuration is unusable. ``faults`` name file or variable, key and reason, never a value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class ApiFailed(ReceiverError):
    """A provider's API gave no usable answer. ``failure`` is one of ``calls.Failure``; the text never quotes a body."""

    def __init__(self, failure: str, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{failure}: {why}")
        self.failure = failure
        self.why = why
        self.retry_after_s = retry_after_s
