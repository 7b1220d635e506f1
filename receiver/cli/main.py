"""``receiver``: the command line. Exit 0 done, 1 failed or not found, 2 wrong use or a bad configuration.

Results go to stdout, messages to stderr. This is the only place where errors become exit codes. A command's module is
imported when the command is called: most of them need a driver or a library that the others do not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
from click.types import StringParamType

from receiver.cli.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from receiver.cli.last_words import bug, drop_output, say_anything, system_reason
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.model.printable import printable


class Place(NamedTuple):
    """Where a command is, and its help, for ``receiver --help`` to show without importing it."""

    target: str
    """``module:attribute``, of a module of ``receiver.cli``."""
    summary: str


COMMANDS: Mapping[str, Place] = {
    "init": Place(
        "configuration:init",
        "Write a commented receiver.toml for the chosen providers (default: all that send callbacks).",
    ),
    "check": Place(
        "configuration:check",
        "Read the configuration, resolve every secret, print the URL to give to each provider.",
    ),
    "serve": Place(
        "serve:serve",
        "Run the service until SIGTERM: a process each to take, interpret, publish and ask, and their supervisor.",
    ),
    "health": Place(
        "health:health",
        "Ask the running service whether it is alive, or ready; exit 0 where it is, 1 where it is not.",
    ),
    "doctor": Place(
        "doctor:doctor",
        "Say what is wrong and what to do: configuration, secrets, limits, disk, clock, journal, Kafka, proxies.",
    ),
    "dev": Place(
        "dev:dev_command",
        "Run everything in one process, without Kafka or an account, and show the events as they come.",
    ),
    "simulate": Place(
        "sandbox:simulate_command",
        "Play a provider: send signed callbacks to a running receiver, with its retries and whatever goes wrong.",
    ),
    "providers": Place(
        "sandbox:providers",
        "List the providers: kinds, statuses, families, how they sign and retry, and what can be asked of them.",
    ),
    "schemas": Place(
        "schemas:schemas",
        "Print one published schema, list them, or write them all to a folder.",
    ),
    "docs": Place(
        "docs:docs",
        "Print one document, as RUNBOOK.md, or list them.",
    ),
    "tail": Place(
        "topics:tail",
        "Show the status events, oldest first.",
    ),
    "topics": Place(
        "topics:topics",
        "The Kafka topics.",
    ),
    "show": Place(
        "show:show",
        "The timeline of one OPERATION, by the provider's id or the whole key.",
    ),
    "rejects": Place(
        "show:rejects",
        "A sample of the callbacks that failed verification, and why they did.",
    ),
    "drift": Place(
        "show:drift",
        "Body fields that mean nothing to us, by name; and when each source was last heard of.",
    ),
    "quarantine": Place(
        "quarantine:quarantine",
        "Genuine callbacks that nobody could read: kept whole, and tried again after a fix.",
    ),
    "track": Place(
        "reconcile:track",
        "Ask SOURCE's provider about OPERATION, the provider's id, from now on until it is over.",
    ),
    "reconcile": Place(
        "reconcile:reconcile",
        "Ask providers' APIs what became of operations; `serve` does it by itself where a source has `poll`.",
    ),
    "journal": Place(
        "journal:journal",
        "The journal: check it, mend it, copy it, measure it.",
    ),
    "export": Place(
        "export:export_command",
        "Write callbacks as JSON Lines with their raw bytes in base64.",
    ),
    "import": Place(
        "export:import_command",
        "Put exported callbacks into this journal, with their times of receipt. No service may run on it meanwhile.",
    ),
    "erase": Place(
        "erase:erase",
        "Destroy all of OPERATION that could say whose it is; shows what, asks, and says what stays on Kafka.",
    ),
    "replay": Place(
        "replay:replay",
        "Send stored callbacks or events again. Every run begins with a count and a preview.",
    ),
}
"""Name → the command; a test holds each summary against the command's own help."""


class TypedText(StringParamType):
    """Text as it was typed; in a locale that lacks its letters Python gives half characters in the place of bytes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the bytes as UTF-8, as files and callbacks are."""
        text = super().convert(value, param, ctx)
        return text if text.isprintable() else text.encode("utf-8", "surrogateescape").decode(errors="replace")


TYPED_TEXT = TypedText()


class LazyGroup(click.Group):
    """Commands that are imported one by one, when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.target.partition(":")
        command: click.Command = getattr(importlib.import_module(f"receiver.cli.{module}"), attribute)
        _take_typed_text(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the summaries, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


def _take_typed_text(command: click.Command) -> None:
    # Of each parameter that is neither a path, whose bytes the system wants back, nor anything but text.
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = TYPED_TEXT
    for part in command.commands.values() if isinstance(command, click.Group) else ():
        _take_typed_text(part)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, asked: _say_version(ctx) if asked else None,
    help="Show the version and the commit, and exit.",
)
def cli() -> None:
    """Take exchange callbacks, keep them safe, publish one status event each."""


def _say_version(ctx: click.Context) -> None:
    from receiver.cli.version import version_line  # noqa: PLC0415  it reads metadata and asks git

    click.echo(version_line())
    ctx.exit()


def run(arguments: list[str]) -> int:
    """Run one command; the exit code. No error ends in a traceback: the system's and ours each become a sentence."""
    if sys.stdout is None and arguments[:1] != ["serve"]:  # which has no results, and runs without a log too
        click.echo("receiver: stdout is closed, and results go there; /dev/null will do", err=True)
        return FAILED
    for stream in (sys.stdout, sys.stderr):
        say_anything(stream)
    try:
        done = cli.main(arguments, standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  here they end
        return _end(error)
    return done if isinstance(done, int) else DONE


def _end(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):  # the reader of our results has gone, as `head` does
        drop_output()
        return DONE
    if isinstance(error, ConfigurationError):
        for fault in error.faults:
            click.echo(f"receiver: {printable(fault)}", err=True)
        return WRONG_USE
    if isinstance(error, OSError):
        drop_output()
        said = system_reason(error)
    else:
        said = str(error) if isinstance(error, ReceiverError) else bug(error)
    for line in f"receiver: {said}".split("\n"):
        click.echo(printable(line), err=True)
    return FAILED
