"""A source from which callbacks used to come and do not any more: warned of once, until it is heard of again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from receiver.model.clock import Clock
from receiver.model.log import Log

CHECK_S = 10.0
"""Between two checks of the outbox."""


class SilenceWatch:
    """Looks how long ago each source was last heard of."""

    def __init__(
        self,
        heard: Callable[[], Mapping[str, int]],
        limits_s: Mapping[str, int],
        clock: Clock,
        log: Log,
        on_silence: Callable[[str, float], None],
    ) -> None:
        """``heard`` gives source → time of its last callback, Unix microseconds; ``limits_s`` source → s.

        ``on_silence`` is told source and seconds since its last callback, at each check; not of sources without limit.
        """
        self._heard = heard
        self._limits_s = limits_s
        self._clock = clock
        self._log = log
        self._on_silence = on_silence
        self._checked_s = -math.inf
        self._warned: set[str] = set()

    def check(self) -> None:
        """To be called often; checks every ``CHECK_S``. Raises ``StoreFailed``."""
        if self._clock.monotonic_s() - self._checked_s < CHECK_S:
            return
        self._checked_s = self._clock.monotonic_s()
        now_us = self._clock.now_us()
        for source, at_us in self._heard().items():
            limit_s = self._limits_s.get(source)
            if limit_s is None:
                continue
            silent_s = max(0.0, (now_us - at_us) / 1e6)
            self._on_silence(source, silent_s)
            if silent_s <= limit_s:
                self._warned.discard(source)
            elif source not in self._warned:
                self._warned.add(source)
                self._log.warning("source.silent", source=source, silent_s=round(silent_s))
