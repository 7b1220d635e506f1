"""What the console works with, put together from the configuration: where its pages meet settings and processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial

import orjson
from prometheus_client.parser import text_string_to_metric_families

from receiver.console.desk import Desk, Service, Simulator, SourceCard
from receiver.journal.engines import location
from receiver.model.errors import ReceiverError
from receiver.operate.context import Context
from receiver.providers.registry import providers
from receiver.providers.settings import SourceSettings
from receiver.publish.routing import topics_of
from receiver.service.config.listing import configuration
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_retired
from receiver.service.health import EVERY_ADDRESS, ask

ANSWER_S = 1.0
"""For the admin listener, which is this machine's."""
FRESH_S = 0.5
"""For which an answer of it is good: a page asks several times."""


def make_desk(  # noqa: PLR0913  what a desk is made of
    settings: Settings,
    environ: Mapping[str, str],
    context: Context,
    *,
    file: str,
    option: str = "",
    withheld: Collection[str] = (),
    simulator: Simulator | None = None,
) -> Desk:
    """Put a desk together; nothing is opened or asked yet."""
    prefix = settings.kafka.topic_prefix if settings.kafka is not None else ""
    rules = tuple(route.rule for route in settings.routes)
    return Desk(
        context=context,
        place=location(settings.journal.url),
        sources=[card(source) for source in settings.sources],
        configuration=lambda: configuration(settings, environ, file, withheld),
        service=ServiceLook(settings.admin.host, settings.admin.port),
        retired=partial(resolve_retired, settings, environ),
        option=option,
        topic_of=lambda fields: topics_of(fields, rules, prefix),
        simulator=simulator,
    )


def card(source: SourceSettings) -> SourceCard:
    """A source, as pages tell of it."""
    provider, usual = providers()[source.provider], source.usual
    kinds = [*provider.kinds.values(), *(provider.api.kinds.values() if provider.api is not None else ())]
    return SourceCard(
        name=source.name,
        provider=provider.slug,
        title=provider.title,
        kinds=tuple(dict.fromkeys(kind.name for kind in kinds)),
        silence_s=float(source.silence_warn_s),
        public_url=usual.public_url,
        path=f"/webhooks/{source.name}" if provider.calls_back else None,
        registration=provider.registration,
        asked=usual.poll is not None and provider.api is not None,
        overdue_s=float(usual.poll.overdue_s) if usual.poll is not None else 0.0,
    )


class ServiceLook:
    """Asks the admin listener how the service is, and remembers the answer for a moment."""

    def __init__(self, host: str, port: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._host, self._port = EVERY_ADDRESS.get(host, host), port
        self._now_s = now_s
        self._kept: tuple[float, Service | None] | None = None

    def __call__(self) -> Service | None:
        """How it says that it is; None where it does not answer, or another program does."""
        kept = self._kept
        if kept is None or self._now_s() - kept[0] > FRESH_S:
            kept = self._kept = (self._now_s(), self._ask())
        return kept[1]

    def _ask(self) -> Service | None:
        try:
            _, said = ask(self._host, self._port, "/readyz", ANSWER_S)
            _, text = ask(self._host, self._port, "/metrics", ANSWER_S)
            readyz = orjson.loads(said)
            whole = text[: text.rfind(b"\n") + 1]  # a long answer was cut off within a line
            figures = figures_of(whole.decode("utf-8", "replace"))
        except (ReceiverError, ValueError):
            return None
        return Service(readyz, figures) if isinstance(readyz, dict) and "inbox" in readyz else None


def figures_of(text: str) -> dict[tuple[str, str], float]:
    """(metric, its label values joined by commas, in the order of the labels' names) → value."""
    return {
        (sample.name, ",".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
