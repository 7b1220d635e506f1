"""``simulate``, ``providers``, ``schemas``: for a developer's desk."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from pathlib import Path

import click

from receiver import bootstrap, simulate
from receiver.commands.common import config_option, json_option, load_or_built_in, say, show_table, write_json
from receiver.errors import ReceiverError
from receiver.providers import PROVIDERS
from schemas import publish


@click.command("simulate")
@config_option
@click.option("--source", "name", help="The configured source to play; may be left out where there is only one.")
@click.option("--scenario", "scenarios", multiple=True, help="Only these; may be repeated.")
@click.option("--rate", default=5.0, show_default=True, type=click.FloatRange(0.01, 10_000), help="Callbacks a second.")
@click.option("--count", default=20, show_default=True, type=click.IntRange(1), help="Callbacks to make.")
@click.option("--seed", type=int, help="The same seed makes the same operations.")
@click.option("--url", help="Where the receiver listens; else the configured address.")
@click.option("--i-own-this-host", is_flag=True, help="Allow a host that is not loopback.")
@json_option
def simulate_command(  # noqa: PLR0913, PLR0917  its options
    config: Path | None,
    name: str | None,
    scenarios: tuple[str, ...],
    rate: float,
    count: int,
    seed: int | None,
    url: str | None,
    *,
    i_own_this_host: bool,
    as_json: bool,
) -> int:
    """Play a provider: send signed callbacks to a running receiver."""
    settings, environ = load_or_built_in(config)
    sources = bootstrap.resolve_sources(settings, environ)
    name = name or (next(iter(sources)) if len(sources) == 1 else None)
    if name is None or name not in sources:
        raise click.UsageError(f"--source is one of {', '.join(sources)}")
    target = url or f"http://{settings.server.host}:{settings.server.port}/webhooks/{name}"
    simulate.require_own_host(target, mine=i_own_this_host)
    provider, source = sources[name]
    seed = seed if seed is not None else random.SystemRandom().randrange(2**32)
    say(f"sending to {target}, seed {seed}")
    simulation = simulate.Simulation(
        provider,
        source,
        target,
        simulate.choose(provider.slug, scenarios),
        random.Random(seed),  # noqa: S311  sample data, repeatable on purpose
    )
    interrupted = asyncio.run(_run(simulation, rate, count))
    _close(simulation.report, as_json=as_json)
    if interrupted:
        return 130
    return 1 if simulation.report.given_up else 0


async def _run(simulation: simulate.Simulation, rate: float, count: int) -> bool:
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        simulation.stop()

    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    await simulation.run(rate=rate, count=count)
    return interrupted


def _close(report: simulate.Report, *, as_json: bool) -> None:
    figures = {
        "operations": report.operations,
        "sent": report.sent,
        "answers": dict(report.answers),
        "given_up": report.given_up,
        "p50_ms": report.latency_ms(0.5),
        "p99_ms": report.latency_ms(0.99),
    }
    if as_json:
        write_json([figures])
    else:
        show_table("", ("figure", "value"), figures.items())


@click.command()
@config_option
@json_option
def providers(config: Path | None, *, as_json: bool) -> None:
    """List the providers: kinds, statuses, families."""
    del config
    rows: list[dict[str, object]] = [
        {
            "provider": provider.slug,
            "kind": kind.name,
            "word": word,
            "family": kind.family,
            "statuses": {name: step.status for name, step in kind.statuses.items()},
        }
        for provider in PROVIDERS.values()
        for word, kind in provider.kinds.items()
    ]
    if as_json:
        write_json(rows)
        return
    columns = ("provider", "kind", "family", "statuses")
    show_table(
        "", columns, ([row[column] if column != "statuses" else _said(row) for column in columns] for row in rows)
    )


def _said(row: dict[str, object]) -> str:
    statuses = row["statuses"]
    return ", ".join(f"{word} → {status}" for word, status in statuses.items()) if isinstance(statuses, dict) else ""


@click.command()
@config_option
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write them to a folder.")
@click.argument("name", required=False)
def schemas(config: Path | None, folder: Path | None, name: str | None) -> None:
    """Print one published schema, list them, or write them all to a folder."""
    del config
    documents = publish.documents()
    if folder is not None:
        publish.write(folder)
        say(f"wrote {len(documents)} files to {folder}")
    elif name is None:
        click.echo("\n".join(documents))
    elif name in documents:
        click.echo(documents[name], nl=False)
    else:
        raise ReceiverError(f"there is no {name}; `receiver schemas` lists them")


COMMANDS = (simulate_command, providers, schemas)
