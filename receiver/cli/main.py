"""``receiver``: the command line. Exit 0 done, 1 failed or not found, 2 wrong use or a bad configuration.

Results go to stdout, messages to stderr. This is the only place where errors become exit codes. A command's module is
imported when the command is called: most of them need a driver or a library that the others do not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from receiver.cli.command_word import command_word
from receiver.cli.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from receiver.cli.help_text import example, no_such_command
from receiver.cli.last_words import bug, drop_output, reader_has_gone, say_anything, system_reason
from receiver.cli.typed_text import TypedText
from receiver.model.errors import ConfigurationError, ReceiverError, WrongUse
from receiver.model.printable import printable

GROUPS = ("Start", "Look", "Mend", "Move", "Desk")
"""Of commands, in the order in which they are listed."""


class Place(NamedTuple):
    """Where a command is, and its help, for ``receiver --help`` to show without importing it."""

    target: str
    """``module:attribute``, of a module of ``receiver.cli``."""
    summary: str
    group: str = GROUPS[-1]
    line: str = ""
    """The summary in few words, for the list of all commands at 80 columns."""
    example: str = ""


COMMANDS: Mapping[str, Place] = {
    "init": Place(
        "configuration:init",
        "Write a commented receiver.toml for the chosen providers (default: all that send callbacks).",
        "Start",
        "Write a commented receiver.toml",
        "receiver init --config shop.toml",
    ),
    "check": Place(
        "configuration:check",
        "Read the configuration, resolve every secret, print the URL to give to each provider.",
        "Start",
        "Read the configuration; print the URL for each provider",
        "receiver check --strict",
    ),
    "serve": Place(
        "serve:serve",
        "Run the service until SIGTERM: a process each to take, interpret, publish and ask, and their supervisor.",
        "Start",
        "Run the service until SIGTERM",
        "receiver serve --config /etc/receiver/receiver.toml",
    ),
    "health": Place(
        "health:health",
        "Ask the running service whether it is alive, or ready; exit 0 where it is, 1 where it is not.",
        "Start",
        "Ask the running service whether it is alive, or ready",
        "receiver health --live",
    ),
    "doctor": Place(
        "doctor:doctor",
        "Say what is wrong and what to do: configuration, secrets, limits, disk, clock, journal, Kafka, proxies.",
        "Start",
        "Say what is wrong and what to do",
        "receiver doctor",
    ),
    "dev": Place(
        "dev:dev_command",
        "Run everything in one process, without Kafka or an account, and show the events as they come.",
        "Desk",
        "Run everything in one process, without Kafka or an account",
        "receiver dev --simulate",
    ),
    "simulate": Place(
        "sandbox:simulate_command",
        "Play a provider: send signed callbacks to a running receiver, with its retries and whatever goes wrong.",
        "Desk",
        "Play a provider: send signed callbacks",
        "receiver simulate --source swaps --count 100 --duplicate 5% --verify journal",
    ),
    "providers": Place(
        "sandbox:providers",
        "List the providers: kinds, statuses, families, how they sign and retry, and what can be asked of them.",
        "Desk",
        "List the providers and what they send",
        "receiver providers",
    ),
    "schemas": Place(
        "schemas:schemas",
        "Print one published schema, list them, or write them all to a folder.",
        "Desk",
        "Print, list, write or register the published schemas",
        "receiver schemas",
    ),
    "docs": Place(
        "docs:docs",
        "Print one document, as RUNBOOK.md, or list them.",
        "Desk",
        "Print one document, or list them",
        "receiver docs RUNBOOK.md",
    ),
    "completion": Place(
        "completion:completion",
        "Print the script that lets a shell complete commands, options and what they take.",
        "Desk",
        "Print what a shell needs to complete commands",
        "receiver completion bash >> ~/.bashrc",
    ),
    "tail": Place(
        "topics:tail",
        "Show the status events, oldest first.",
        "Look",
        "Show the status events, oldest first",
        "receiver tail -n 20 --follow --status failed",
    ),
    "topics": Place(
        "topics:topics",
        "The Kafka topics.",
        "Start",
        "Make the Kafka topics, or take a changed one as it is",
        "receiver topics create",
    ),
    "show": Place(
        "show:show",
        "The timeline of one OPERATION, by the provider's id or the whole key.",
        "Look",
        "Show the timeline of one operation",
        "receiver show 91aaa5e1",
    ),
    "console": Place(
        "console:console_command",
        "Show a journal in a browser, read-only: also one that no service runs on, or a copy of one.",
        "Look",
        "Show a journal in a browser",
        "receiver console --journal /backup/journal",
    ),
    "rejects": Place(
        "show:rejects",
        "A sample of the callbacks that failed verification, and why they did.",
        "Look",
        "Look at a sample of refused callbacks, and why",
        "receiver rejects explain 12",
    ),
    "drift": Place(
        "show:drift",
        "Body fields that mean nothing to us, by name; and when each source was last heard of.",
        "Look",
        "List unknown body fields, and sources that are silent",
        "receiver drift",
    ),
    "quarantine": Place(
        "quarantine:quarantine",
        "Genuine callbacks that nobody could read: kept whole, and tried again after a fix.",
        "Mend",
        "Look at, redrive or close what nobody could read",
        "receiver quarantine redrive --reason unknown_status --dry-run",
    ),
    "track": Place(
        "reconcile:track",
        "Ask SOURCE's provider about OPERATION, the provider's id, from now on until it is over.",
        "Look",
        "Ask a provider about one operation until it is over",
        "receiver track swaps 6d1e4b7a",
    ),
    "reconcile": Place(
        "reconcile:reconcile",
        "Ask providers' APIs what became of operations; `serve` does it by itself where a source has `poll`.",
        "Look",
        "Ask providers what became of operations",
        "receiver reconcile list --overdue",
    ),
    "journal": Place(
        "journal:journal",
        "The journal: check it, mend it, copy it, index it, measure it.",
        "Mend",
        "Check, mend, copy, index or measure the journal",
        "receiver journal check",
    ),
    "export": Place(
        "export:export_command",
        "Write callbacks as JSON Lines with their raw bytes in base64.",
        "Move",
        "Write callbacks as JSON Lines",
        "receiver export --since 2h --to callbacks.jsonl",
    ),
    "import": Place(
        "export:import_command",
        "Put exported callbacks into this journal, with their times of receipt. No service may run on it meanwhile.",
        "Move",
        "Put exported callbacks into this journal",
        "receiver import callbacks.jsonl",
    ),
    "erase": Place(
        "erase:erase",
        "Destroy all of OPERATION that could say whose it is; shows what, asks, and says what stays on Kafka.",
        "Mend",
        "Destroy all that says whose an operation was",
        "receiver erase 91aaa5e1 --reason 'asked by the customer'",
    ),
    "replay": Place(
        "replay:replay",
        "Send stored callbacks or events again. Every run begins with a count and a preview.",
        "Move",
        "Send stored callbacks or events again",
        "receiver replay --to http http://127.0.0.1:8080 --since 3d --dry-run",
    ),
}
"""Name → the command; a test holds each summary against the command's own help."""


TYPED_TEXT = TypedText()


class PipeClosed(Exception):
    """Somebody reads no more what is written: click has an end of its own for it, without a word and with exit 1."""


@contextmanager
def _pipe_closed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosed(system_reason(error)) from error


class LazyGroup(click.Group):
    """Commands that are imported one by one, when they are called."""

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """As every command does, which may show its help here; raises ``PipeClosed``."""
        with _pipe_closed():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raises ``PipeClosed``."""
        with _pipe_closed():
            return super().invoke(ctx)

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
        command.epilog = example(place.example)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As every group does; a name that is none is answered with those that are written alike."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        return ctx.fail(no_such_command(name, COMMANDS))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by what they are for, a line each, without an import."""
        del ctx
        for group in GROUPS:
            rows = [(name, place.line) for name, place in COMMANDS.items() if place.group == group]
            with formatter.section(group):
                formatter.write_dl(rows, col_max=12)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, without an import, and the options."""
        names = [CompletionItem(name, help=COMMANDS[name].line) for name in self.list_commands(ctx)]
        return [
            *(one for one in names if one.value.startswith(incomplete)),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


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
@click.option("--config", type=click.Path(dir_okay=False), help="For every command, which takes it as well.")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Take exchange callbacks, keep them safe, publish one status event each."""
    if config is None or ctx.invoked_subcommand is None:
        return
    command = cli.get_command(ctx, ctx.invoked_subcommand)
    parts = command.commands if isinstance(command, click.Group) else ()
    ctx.default_map = {ctx.invoked_subcommand: {"config": config, **{part: {"config": config} for part in parts}}}


def _say_version(ctx: click.Context) -> None:
    from receiver.cli.version import version_line  # noqa: PLC0415  it reads metadata and asks git

    click.echo(version_line())
    ctx.exit()


def run(arguments: list[str]) -> int:
    """Run one command; the exit code. No error ends in a traceback: the system's and ours each become a sentence."""
    if sys.stdout is None and command_word(arguments) != "serve":  # which has no results, and runs without a log too
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
    if isinstance(error, PipeClosed | BrokenPipeError) and reader_has_gone():  # as `head` does, when it has enough
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
        said = str(error) if isinstance(error, ReceiverError | PipeClosed) else bug(error)
    for line in f"receiver: {said}".split("\n"):
        click.echo(printable(line), err=True)
    return WRONG_USE if isinstance(error, WrongUse) else FAILED
