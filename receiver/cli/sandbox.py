"""``simulate`` and ``providers``: for a developer's desk."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from pathlib import Path
from typing import Any

import click

from receiver.cli.choices import SCENARIO, SOURCE, Finite
from receiver.cli.context import open_configured
from receiver.cli.exit_codes import DONE, FAILED, INTERRUPTED
from receiver.cli.output import config_option, json_option, say, show_table, write_json
from receiver.cli.progress import progress
from receiver.cli.reference import describe, words
from receiver.model.errors import ReceiverError
from receiver.providers import registry
from receiver.providers.contract import Sources
from receiver.sandbox import verify as verify_sandbox
from receiver.sandbox.simulator import Faults, Report, Simulation, choose, need_listener, require_own_host
from receiver.service.listen import address

TELL_S = 5.0
"""Between two lines about attempts that failed."""
UNMARKED = "; unmarked: nothing tells what becomes of it from what the provider sent"


class Percent(click.ParamType[float]):
    """``5%`` or ``0.05`` → a share."""

    name = "SHARE"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Fail on anything but 0 to 100 %."""
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{value} is no share, as 5% or 0.05", param, ctx)
        return share


def fault_options(function: Any) -> Any:
    """What goes wrong on the way, as shares of callbacks."""
    for name, help_text in (
        ("duplicate", "sent once more after the 200"),
        ("reorder", "sent after the one that should follow"),
        ("tamper", "a forged copy is sent too, and must get 401"),
        ("late", "sent once more when the operation is over"),
        ("drop", "never sent"),
        ("unknown", "a copy with a status nobody knows is sent too"),
    ):
        function = click.option(f"--{name}", type=Percent(), default="0%", help=f"Share of callbacks: {help_text}.")(
            function
        )
    return function


@click.command("simulate")
@config_option
@click.option("--source", "name", type=SOURCE, help="The source to play; may be left out where there is only one.")
@click.option("--scenario", "scenarios", multiple=True, type=SCENARIO, help="Only these; may be repeated.")
@click.option("--rate", default=5.0, show_default=True, type=Finite(0.01, 10_000), help="Callbacks a second.")
@click.option("--count", default=20, show_default=True, type=click.IntRange(1), help="Callbacks to make.")
@click.option("--seed", type=int, help="The same seed makes the same operations.")
@click.option("--time-scale", default=0.001, show_default=True, type=Finite(0), help="Of the provider's retry waits.")
@fault_options
@click.option("--verify", type=click.Choice(["journal", "kafka"]), help="Check what the receiver holds afterwards.")
@click.option("--url", help="Where the receiver listens; else the configured address.")
@click.option("--i-own-this-host", is_flag=True, help="Allow a host that is not loopback.")
@click.option("--unmarked", is_flag=True, help="Leave out the header that says that a callback is simulated.")
@json_option
def simulate_command(  # noqa: PLR0913  its options
    config: Path | None,
    *,
    name: str | None,
    scenarios: tuple[str, ...],
    rate: float,
    count: int,
    seed: int | None,
    time_scale: float,
    verify: str | None,
    url: str | None,
    i_own_this_host: bool,
    unmarked: bool,
    as_json: bool,
    **faults: float,
) -> int:
    """Play a provider: send signed callbacks to a running receiver, with its retries and whatever goes wrong."""
    opened = open_configured(config)
    server, context = opened.settings.server, opened.context
    if verify == "kafka":  # before anything is sent
        context.need_kafka()
    sources = context.sources
    name = _played(sources, name)
    target = url or f"http://{address(server.host, server.port)}/webhooks/{name}"
    require_own_host(target, mine=i_own_this_host)
    provider, source = sources[name]
    chosen = choose(provider, scenarios)
    need_listener(target)
    seed = seed if seed is not None else random.SystemRandom().randrange(2**32)
    say(f"sending to {target}, seed {seed}" + (UNMARKED if unmarked else ""))
    simulation = Simulation(
        provider,
        source,
        target,
        chosen,
        random.Random(seed),  # noqa: S311  sample data, repeatable on purpose
        faults=Faults(**faults),
        time_scale=time_scale,
        marked=not unmarked,
    )
    with progress("callbacks", count) as advance:
        interrupted = asyncio.run(_run(simulation, rate, count, advance))
    report = simulation.report
    wrong = verify_sandbox.verify(context, report, name, verify) if verify and not interrupted else []
    _close(report, wrong, verify, as_json=as_json)
    if interrupted:
        say(f"interrupted: what was answered 200 is safe; --seed {seed} makes the same operations again")
    return INTERRUPTED if interrupted else FAILED if report.given_up or report.not_refused or wrong else DONE


def _played(sources: Sources, name: str | None) -> str:
    """The source to play: the one that is named, or the only one; raises where it cannot be played."""
    name = name or (next(iter(sources)) if len(sources) == 1 else None)
    if name is None or name not in sources:
        raise click.UsageError(f"--source is one of {', '.join(sources)}")
    source = sources[name][1]
    if not (source.secrets or source.keys):
        raise ReceiverError(f"{name} has no keys to sign callbacks with: it is only asked, by `poll`")
    return name


async def _run(simulation: Simulation, rate: float, count: int, advance: Any) -> bool:
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        simulation.stop()

    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    telling = asyncio.create_task(_tell_of_attempts(simulation.report))
    await simulation.run(rate=rate, count=count, advance=advance)
    telling.cancel()
    return interrupted


async def _tell_of_attempts(report: Report) -> None:
    """Say every ``TELL_S`` how attempts were answered, where some failed meanwhile: callbacks begin, and then wait."""
    told = 0
    while True:
        await asyncio.sleep(TELL_S)
        failed = report.answers.total() - report.answers["200"]
        if failed > told:
            told = failed
            answers = ", ".join(f"{answer} {count}" for answer, count in report.answers.items())
            say(f"attempts so far, by their answers: {answers}")


def _close(report: Report, wrong: list[str], verify: str | None, *, as_json: bool) -> None:
    figures: dict[str, Any] = {
        "operations": report.operations,
        "sent": report.sent,
        "answers": dict(report.answers),
        "given_up": report.given_up,
        "forgeries_not_refused": report.not_refused,
        "p50_ms": report.latency_ms(0.5),
        "p99_ms": report.latency_ms(0.99),
        "p99.9_ms": report.latency_ms(0.999),
        "scenarios": dict(report.scenarios),
        "the receiver should hold": {
            "events": sum(len(words) for words in report.events.values()),
            "quarantined": report.quarantined,
        },
    }
    if verify:
        figures["verified"] = f"{verify}: {len(wrong)} wrong"
    if as_json:
        write_json([figures])
    else:
        show_table("", ("figure", "value"), figures.items())
    for line in wrong[:20]:
        say(line)


@click.command()
@config_option
@json_option
def providers(config: Path | None, *, as_json: bool) -> None:
    """List the providers: kinds, statuses, families, how they sign and retry, and what can be asked of them."""
    del config
    described = [describe(provider) for provider in registry.providers().values()]
    if as_json:
        write_json(described)
        return
    kinds = [(one["provider"], kind) for one in described for kind in one["kinds"]]
    show_table(
        "kinds",
        ("provider", "kind", "family", "told by", "statuses"),
        ((name, kind["kind"], kind["family"], kind["told_by"], words(kind)) for name, kind in kinds),
    )
    columns = ("provider", "signature", "retries", "poll")
    show_table("ways", columns, ([one[column] for column in columns] for one in described))
