"""What operating on a journal takes: open handles, put together once by ``service.wiring`` and given to every function.

No function of this room reads the configuration, the environment or a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

from receiver.interpret.entry import Rules
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.poison import NOBODY, Suspects
from receiver.journal.entries import Stores
from receiver.journal.handle import Journal
from receiver.journal.ports import Runs
from receiver.model.clock import Clock
from receiver.model.errors import ConfigurationError
from receiver.model.log import Log
from receiver.providers.contract import Sources
from receiver.publish.ports import Kafka

NO_KAFKA = "there is no [kafka] in the configuration"


@dataclass(frozen=True)
class Context:
    """Handles, and the two settings that decide what an interpreter makes of a callback.

    Journal, sources and Kafka are opened when they are first asked for: who only looks into a journal needs no secret,
    and who sends a file to a receiver no journal.
    """

    clock: Clock
    log: Log
    record_bytes_max: int
    """A larger event is quarantined before it gets its sequence, bytes."""
    publish_body: bool
    """Whether quarantine records hold the body."""
    runs: Runs
    """How far runs of replay came."""
    open_journal: Callable[[], Journal]
    open_sources: Callable[[], Sources]
    open_kafka: Callable[[], Kafka | None]

    @cached_property
    def journal(self) -> Journal:
        """The journal that is there; raises ``JournalError`` where there is none yet."""
        return self.open_journal()

    @cached_property
    def sources(self) -> Sources:
        """Every source, ready to verify; raises ``ConfigurationError`` where a secret is not there."""
        return self.open_sources()

    @cached_property
    def kafka(self) -> Kafka | None:
        """The cluster, None where none is configured; raises ``ConfigurationError`` as ``sources`` does."""
        return self.open_kafka()

    def rules(self) -> Rules:
        """What an interpreter goes by, and whoever only wants to know what it would say."""
        return Rules(
            sources=self.sources,
            record_bytes_max=self.record_bytes_max,
            publish_body=self.publish_body,
            log=self.log,
        )

    def need_kafka(self) -> Kafka:
        """The cluster; raises ``ConfigurationError`` where none is configured."""
        if self.kafka is None:
            raise ConfigurationError([NO_KAFKA])
        return self.kafka


def make_interpreter(  # noqa: PLR0913  what only the running service has an opinion of has a default
    context: Context,
    stores: Stores,
    *,
    metrics: InterpretMetrics | None = None,
    suspects: Suspects = NOBODY,
    mark: Callable[[int, int], None] = lambda _first, _last: None,
    limited: Callable[[], AbstractContextManager[None]] = nullcontext,
    publish: bool = True,
) -> Interpreter:
    """Put an interpreter together: the only place, so that an import decides as the service does.

    ``publish``: False for what is imported as already published.
    """
    return Interpreter(
        stores=stores,
        rules=replace(context.rules(), publish=publish),
        metrics=metrics or InterpretMetrics(),
        suspects=suspects,
        mark=mark,
        limited=limited,
    )
