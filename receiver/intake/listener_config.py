"""uvicorn's configuration of a listener, and what each of its connections needs beside it."""

from __future__ import annotations

from uvicorn import Config

from receiver.intake.callers import Callers
from receiver.intake.limits import Limits
from receiver.intake.notices import Notices


class ListenerConfig(Config):
    """Of one listener; the fields are set before it takes connections."""

    notices: Notices
    limits: Limits
    callers: Callers
