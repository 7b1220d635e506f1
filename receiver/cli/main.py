"""``receiver``: the command line. Exit 0 done, 1 failed or not found, 2 wrong use or a bad configuration.

Results go to stdout, messages to stderr. This is the only place where errors become exit codes.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import click

from receiver.cli import (
    journal,
    quarantine,
    reconcile,
    service,
)
from receiver.cli import (
    replay as transfer,
)
from receiver.cli import (
    sandbox as desk,
)
from receiver.cli import (
    show as look,
)
from receiver.cli import (
    topics as kafka,
)
from receiver.model.errors import ConfigurationError, ReceiverError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("exchange-webhook-receiver"), prog_name="receiver")
def cli() -> None:
    """Take exchange callbacks, keep them safe, publish one status event each."""


for command in (
    *service.COMMANDS,
    *desk.COMMANDS,
    *kafka.COMMANDS,
    *look.COMMANDS,
    *quarantine.COMMANDS,
    *reconcile.COMMANDS,
    *journal.COMMANDS,
    *transfer.COMMANDS,
):
    cli.add_command(command)


def run(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    try:
        done = cli.main(arguments, standalone_mode=False)
    except ConfigurationError as error:
        for fault in error.faults:
            click.echo(f"receiver: {fault}", err=True)
        return 2
    except ReceiverError as error:
        click.echo(f"receiver: {error}", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our results has gone, as `head` does
        sys.stderr.close()
        return 0
    return done if isinstance(done, int) else 0
