"""``receiver``: the command line. Exit 0 done, 1 failed or not found, 2 wrong use or a bad configuration.

Results go to stdout, messages to stderr. This is the only place where errors become exit codes. A command's module is
imported when the command is called: most of them need a driver or a library that the others do not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import NamedTuple

import click

from receiver.cli.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from receiver.model.errors import ConfigurationError, ReceiverError


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
        "sandbox:schemas",
        "Print one published schema, list them, or write them all to a folder.",
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
    "replay": Place(
        "replay:replay",
        "Send stored callbacks or events again. Every run begins with a count and a preview.",
    ),
}
"""Name → the command; a test holds each summary against the command's own help."""


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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the summaries, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exchange-webhook-receiver", prog_name="receiver")
def cli() -> None:
    """Take exchange callbacks, keep them safe, publish one status event each."""


def run(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    try:
        done = cli.main(arguments, standalone_mode=False)
    except ConfigurationError as error:
        for fault in error.faults:
            click.echo(f"receiver: {fault}", err=True)
        return WRONG_USE
    except ReceiverError as error:
        click.echo(f"receiver: {error}", err=True)
        return FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our results has gone, as `head` does
        sys.stderr.close()
        return DONE
    return done if isinstance(done, int) else DONE
