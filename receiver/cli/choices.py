"""What an option may be where only some words mean anything: another one is refused with those that do.

The words are looked up when an option is given or completed, so that a command is as quick to start as before.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from click.shell_completion import CompletionItem

from receiver.cli.typed_text import TypedText
from receiver.service.config.file import find, read

if TYPE_CHECKING:
    from receiver.cli.context import Opened

AGO = re.compile(r"([0-9]{1,9})([smhdw])")
COMPLETED_MAX = 50
"""Records, the newest, whose operations are offered."""
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class OneOf(click.ParamType[str]):
    """One of the words that ``known`` gives."""

    def __init__(self, name: str, known: Callable[[], Collection[str]]) -> None:
        self.name = name
        self._known = known

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Fail with the words on any other one."""
        known = self._known()
        if value in known:
            return str(value)
        return self.fail(f"{value!r} is not one of {', '.join(known)}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin so."""
        del ctx, param
        return [CompletionItem(word) for word in self._known() if word.startswith(incomplete)]


class SourceName(TypedText):
    """The name of a source; what is none is refused by ``need_source``, which knows the configuration."""

    name = "SOURCE"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The configured names that begin so; none where the configuration cannot be read."""
        del param
        return [CompletionItem(name) for name in configured_names(ctx) if name.startswith(incomplete)]


class ScenarioName(TypedText):
    """The name of a scenario; the simulator refuses one that its source's provider has not."""

    name = "SCENARIO"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, of whatever provider."""
        del ctx, param
        from receiver.providers.registry import providers  # noqa: PLC0415  pydantic: 0.1 s

        samples = [one.samples for one in providers().values() if one.samples is not None]
        names = dict.fromkeys(scenario.name for some in samples for scenario in some.scenarios)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class OperationId(TypedText):
    """An id of an operation; any text is taken for one."""

    name = "OPERATION"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Ids that begin so among the newest events, the newest first; none where no journal can be read."""
        del param
        try:
            return [CompletionItem(one) for one in _newest_ids(ctx) if one.startswith(incomplete)]
        except Exception:  # noqa: BLE001  a completion has nobody to tell
            return []


def _newest_ids(ctx: click.Context) -> list[str]:
    from receiver.cli.context import open_configured  # noqa: PLC0415  it imports most of the service

    named = ctx.params.get("config") or ctx.find_root().params.get("config")
    with closing(open_configured(Path(named) if named else None).context.journal.outbox()) as outbox:
        records = outbox.read(max(0, outbox.last_number() - COMPLETED_MAX), COMPLETED_MAX)
    return list(dict.fromkeys(one.operation_id for one in reversed(records) if one.record_type == "event"))


class Time(click.ParamType[int]):
    """RFC 3339, or how long ago, as ``2h`` → Unix microseconds."""

    name = "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Fail with a sentence on anything else."""
        if isinstance(value, int):
            return value
        ago = AGO.fullmatch(value)
        if ago is not None:
            return max(0, time.time_ns() // 1000 - int(ago[1]) * UNIT_S[ago[2]] * 1_000_000)
        with contextlib.suppress(TypeError, ValueError, OverflowError):  # the last: no year has it in UTC
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return round(moment.astimezone(UTC).timestamp() * 1_000_000)
        return self.fail(
            f"{value!r} is no RFC 3339 time with a zone, as 2024-05-27T08:55:30Z, nor how long ago, as 30m, 2h or 3d",
            param,
            ctx,
        )


class Finite(click.FloatRange):
    """A number within a range; unlike click's own no ``nan`` passes, which lies in every range, and nothing endless."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Fail with a sentence on anything else."""
        found = float(super().convert(value, param, ctx))
        return found if math.isfinite(found) else self.fail(f"{value} is no number", param, ctx)


class YesOrNo(click.ParamType[bool]):
    """``yes`` or ``no``."""

    name = "yes|no"

    def convert(self, value: Any, param: Any, ctx: Any) -> bool:
        """Fail with the two on anything else."""
        if value in {"yes", "no"}:
            return bool(value == "yes")
        return self.fail(f"{value!r} is neither yes nor no", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The one that begins so."""
        del ctx, param
        return [CompletionItem(word) for word in ("yes", "no") if word.startswith(incomplete)]


class Amount(click.ParamType[str]):
    """An amount as digits."""

    name = "AMOUNT"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Fail with an example on what is no number."""
        from receiver.journal.terms import typed_amount  # noqa: PLC0415  pydantic: 0.1 s

        digits = typed_amount(value)
        wrong = f"{value!r} is no amount: digits, with a point before the fraction, as 8123.25"
        return digits if digits is not None else self.fail(wrong, param, ctx)


def _statuses() -> tuple[str, ...]:
    from exchange_events.status_event import Status  # noqa: PLC0415  pydantic: 0.1 s

    return get_args(Status)


def _anomalies() -> tuple[str, ...]:
    from exchange_events.status_event import Anomaly  # noqa: PLC0415  as above

    return get_args(Anomaly)


def _ways() -> tuple[str, ...]:
    from exchange_events.status_event import ObservedVia  # noqa: PLC0415  as above

    return get_args(ObservedVia)


def _families() -> tuple[str, ...]:
    from exchange_events.status_event import Family  # noqa: PLC0415  as above

    return get_args(Family)


def _providers() -> Collection[str]:
    from receiver.providers.registry import providers  # noqa: PLC0415  as above

    return list(providers())


def _kinds() -> Collection[str]:
    from receiver.providers.registry import providers  # noqa: PLC0415  as above

    tables = [table for one in providers().values() for table in (one.kinds, one.api.kinds if one.api else {})]
    return list(dict.fromkeys(kind.name for table in tables for kind in table.values()))


STATUS = OneOf("STATUS", _statuses)
ANOMALY = OneOf("ANOMALY", _anomalies)
OBSERVED_VIA = OneOf("WAY", _ways)
FAMILY = OneOf("FAMILY", _families)
PROVIDER = OneOf("PROVIDER", _providers)
KIND = OneOf("KIND", _kinds)
SOURCE = SourceName()
SCENARIO = ScenarioName()
OPERATION = OperationId()
SINCE_HELP = "Received at or after this time, RFC 3339 or how long ago: 30m, 2h, 3d."
since_option = click.option("--since", "since_us", type=Time(), help=SINCE_HELP)
until_option = click.option("--until", "until_us", type=Time(), help="Received before this time, given as for --since.")
source_option = click.option("--source", type=SOURCE, help="Only of this source.")


def need_source(opened: Opened, name: str | None) -> None:
    """Raise ``click.UsageError`` for a source that is neither configured nor was ever heard of in this journal."""
    configured = [source.name for source in opened.settings.sources]
    if name is None or name in configured:
        return
    with closing(opened.context.journal.outbox()) as outbox:
        heard = sorted(set(outbox.last_heard()) - set(configured))
    if name not in heard:
        raise click.UsageError(f"--source: {name!r} is not one of {', '.join([*configured, *heard])}")


def configured_names(ctx: click.Context) -> list[str]:
    """The sources' names as they stand in the configuration file; raises nothing, it is for a completion."""
    try:
        named = ctx.params.get("config") or ctx.find_root().params.get("config")
        document = read(find(Path(named) if named else None, os.environ))
        return [str(source["name"]) for source in document.get("sources", ())]
    except Exception:  # noqa: BLE001  a completion has nobody to tell
        return []
