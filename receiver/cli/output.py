"""What the commands share: the configuration option, and how results are shown."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from receiver.cli.table import table_lines
from receiver.journal.engines import location
from receiver.model.printable import printable, printable_json
from receiver.sandbox.built_in import built_in, with_made_up
from receiver.service.config import settings
from receiver.service.config.file import CONFIG_VARIABLE, DEFAULT_FILE, find
from receiver.service.config.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

BUILT_IN = "the built-in configuration of `receiver dev` is taken"
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file; else $RECEIVER_CONFIG, else receiver.toml.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def console() -> Console:
    """Results go here: stdout, in colour on a terminal only."""
    from rich.console import Console  # noqa: PLC0415  only for what is shown to people: 0.05 s

    class Results(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to ``main``, which knows whose pipe it is: rich ends with exit 1 and no word."""
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return Results(soft_wrap=True, highlight=False)


def show_line(text: str | Text, shown: Console | None = None) -> None:
    """One line of results for people, whoever wrote what stands in it: no markup, no control characters.

    ``shown`` is a console to go on with, where there are many lines.
    """
    from rich.text import Text  # noqa: PLC0415  as above

    if isinstance(text, str):
        text = Text(printable(text))
    elif not text.plain.isprintable():
        text = Text(printable(text.plain))
    (shown or console()).print(text, soft_wrap=True)


def say(message: str) -> None:
    """Messages go to stderr, apart from results; each is one line."""
    click.echo(printable(message), err=True)


def has_configuration(config: Path | None) -> bool:
    """Whether a configuration is named, or is there under its usual name; else a desk's built-in one is taken."""
    named = config is not None or CONFIG_VARIABLE in os.environ
    return named or find(None, os.environ).exists()


def load_or_built_in(config: Path | None, port: int = 8080, admin_port: int = 8081) -> tuple[Settings, dict[str, str]]:
    """The configured settings, or a desk's built-in ones where no file is named and none is there: that is said."""
    if has_configuration(config):
        return settings.load(config), dict(os.environ)
    desk = built_in(port, admin_port)
    say(f"no {DEFAULT_FILE} here and none named: {BUILT_IN}, journal in {location(desk.journal.url)}")
    return desk, with_made_up(os.environ)


def write_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, on stdout, with escapes for what a terminal would act upon."""
    for row in rows:
        write_line(orjson.dumps(row))


def write_line(line: bytes) -> None:
    """One line of JSON on stdout, at once, with escapes as ``write_json`` has."""
    sys.stdout.buffer.write(printable_json(line) + b"\n")
    sys.stdout.buffer.flush()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """A table for people; what stands in its cells is shown as ``show_line`` shows it.

    Columns that are empty in every row are left out. Without rows only ``empty`` is said, on stderr, where it is given.
    No word is broken: on a terminal that is too narrow for a row, each cell has a line of its own.
    """
    # A row may lack its last cells, where they have nothing to say.
    cells = [[printable(str(cell)) for cell in row] + [""] * (len(columns) - len(row)) for row in rows]
    if not cells and empty:
        say(empty)
        return
    shown = console()
    if title:
        show_line(title, shown)
    for line in table_lines(columns, cells, screen_columns()):
        show_line(line, shown)


def screen_columns() -> int | None:
    """How many columns the terminal has that results go to; None where they go into a file or to another program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
