"""What goes in and what comes out, as pydantic models; importable without the service.

A consumer needs one line: ``StatusEvent.model_validate_json(record.value)``.
"""

from exchange_events.quarantine import QuarantineRecord, Reason
from exchange_events.status_event import StatusEvent

__all__ = ["QuarantineRecord", "Reason", "StatusEvent"]
