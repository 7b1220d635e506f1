"""What goes in and what comes out, as pydantic models; importable without the service.

A consumer needs one line: ``StatusEvent.model_validate_json(record.value)``.
"""

from schemas.quarantine import QuarantineRecord, Reason
from schemas.status_event import StatusEvent

__all__ = ["QuarantineRecord", "Reason", "StatusEvent"]
