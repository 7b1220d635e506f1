"""The command line: found without being imported, and its errors as exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import IO

import click
import pytest

from receiver.cli import main
from receiver.cli.main import COMMANDS, GROUPS, Place, cli, run
from receiver.model.errors import ConfigurationError, JournalError
from tests.warm_commands import WarmCommands

HEAVY = ("aiokafka", "apsw", "httpx", "prometheus_client", "pydantic", "pydantic_settings", "rich", "starlette")
COMMAND_MODULES = (
    "completion",
    "configuration",
    "console",
    "export",
    "health",
    "dev",
    "docs",
    "doctor",
    "erase",
    "journal",
    "quarantine",
    "reconcile",
    "replay",
    "sandbox",
    "schemas",
    "serve",
    "show",
    "topics",
)


def imported(arguments: list[str]) -> set[str]:
    """Give the modules that one call of the command line brings into a new process."""
    program = (
        "import sys; from receiver.__main__ import main\n"
        f"sys.argv = ['receiver', *{arguments!r}]\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]], ids=" ".join)
def test_what_needs_no_command_imports_none(arguments: list[str]) -> None:
    """Not one of the large libraries either: a version is told in a tenth of a second."""
    modules = imported(arguments)
    assert not modules & set(HEAVY)
    assert not modules & {f"receiver.cli.{name}" for name in COMMAND_MODULES}


def test_serve_is_started_without_what_its_children_need() -> None:
    """The supervisor stays as long as they do: no Kafka client, no HTTP client, nothing that draws tables."""
    assert not imported(["serve", "--help"]) & {"aiokafka", "httpx", "rich", "structlog"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    """A command has the name under which it is found, and its summary is its own help."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert COMMANDS[name].summary == command.help.partition("\n\n")[0].replace("\n", " ")


def test_the_table_is_complete() -> None:
    """Every command of the modules that define some stands in it, whether alone or as part of a group."""
    defined: set[int] = set()
    for module in COMMAND_MODULES:
        members = vars(importlib.import_module(f"receiver.cli.{module}")).values()
        defined |= {id(member) for member in members if isinstance(member, click.Command)}
    found: set[int] = set()
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        found.add(id(command))
        if isinstance(command, click.Group):
            found |= {id(part) for part in command.commands.values()}
    assert defined == found


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """By what it is for, with its summary in few words."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, place in COMMANDS.items():
        assert f"  {name} " in shown
        (line,) = (line for line in shown.splitlines() if line.startswith(f"  {name} "))
        assert line.endswith(f" {place.line}"), "whole, on one line of 80 columns"
    headings = [line.removesuffix(":") for line in shown.splitlines() if line.endswith(":") and " " not in line]
    assert headings == ["Options", *GROUPS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_is_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its help ends with it, and the command line takes its words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "callbacks.jsonl").touch()
    assert run([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    words = shlex.split(COMMANDS[name].example.partition(" >>")[0])
    assert words[:2] == ["receiver", name]
    assert COMMANDS[name].example in shown
    command = cli.get_command(click.Context(cli), name)
    arguments = words[2:]
    if isinstance(command, click.Group) and arguments:
        command = command.commands[arguments.pop(0)]
    if command is not None and not isinstance(command, click.Group):
        with command.make_context(name, arguments, resilient_parsing=False):
            pass


def parts() -> list[tuple[str, str]]:
    """(group, command) of all that stand in a group."""
    groups = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}
    return [(name, part) for name, group in groups.items() if isinstance(group, click.Group) for part in group.commands]


@pytest.mark.parametrize(("group", "part"), parts(), ids=" ".join)
def test_so_has_every_part_of_a_group(group: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And its line in the group's help is whole, on one line of 80 columns."""
    found = cli.get_command(click.Context(cli), group)
    assert isinstance(found, click.Group)
    command = found.commands[part]
    assert run([group, "--help"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  {part} "))
    assert line.endswith(f" {command.short_help}")
    assert not line.endswith("...")
    assert len(line) <= 80
    assert run([group, part, "--help"]) == 0
    words = shlex.split(capsys.readouterr().out.rpartition("Example: ")[2])
    assert words[:3] == ["receiver", group, part]
    with command.make_context(part, words[3:]):
        pass


def test_the_configuration_may_be_named_before_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a group's parts too; what is named after it decides."""
    named, other = str(tmp_path / "named.toml"), str(tmp_path / "other.toml")
    for command in (["check"], ["quarantine", "list"], ["health"]):
        assert run(["--config", named, *command]) == 2
        assert f"{named}: there is no such file" in capsys.readouterr().err
    assert run(["--config", named, "check", "--config", other]) == 2
    assert f"{other}: there is no such file" in capsys.readouterr().err
    assert run(["--config", named, "init"]) == 0
    assert Path(named).exists()


def test_a_mistyped_command_is_answered_with_those_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """As a mistyped option is."""
    for typed, said in (("tial", "Did you mean 'tail'?"), ("replays", "'replay'"), ("zzz", "No such command 'zzz'.\n")):
        assert run([typed]) == 2
        assert said in capsys.readouterr().err


def test_an_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """As are an unknown option and a missing argument."""
    for arguments in (["nonsense"], ["--nonsense"], ["show"], ["tail", "--nonsense"]):
        assert run(arguments) == 2
        assert "\nError: " in capsys.readouterr().err


@click.command()
@click.argument("what")
def ends(what: str) -> int | None:
    """End in one of the ways in which a command can end."""
    ways: dict[str, BaseException] = {
        "configuration": ConfigurationError(["a fault", "another"]),
        "journal": JournalError("no journal"),
        "usage": click.UsageError("wrong"),
        "abort": click.Abort(),
        "interrupt": KeyboardInterrupt(),
    }
    if what in ways:
        raise ways[what]
    return int(what) if what.isdigit() else None


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("nothing", 0, ""),
        ("0", 0, ""),
        ("1", 1, ""),
        ("configuration", 2, "receiver: a fault\nreceiver: another\n"),
        ("journal", 1, "receiver: no journal\n"),
        ("usage", 2, "Error: wrong\n"),
        ("abort", 130, ""),
        ("interrupt", 130, ""),
    ],
)
def test_every_end_has_its_exit_code(
    what: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 done, 1 failed, 2 wrong use or configuration, 130 interrupted; the reason goes to stderr."""
    monkeypatch.setattr(main, "COMMANDS", {"ends": Place("here:ends", "")})
    monkeypatch.setitem(sys.modules, "receiver.cli.here", sys.modules[__name__])
    assert run(["ends", what]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip().endswith(said.strip())


def test_a_reader_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    """As in ``receiver … | head``: exit 0, and no traceback; to the very end of an interpreter too."""
    for arguments in (["providers", "--json"], ["--help"], ["--version"], ["check", "--help"]):
        with gone() as out, (tmp_path / "errors").open("wb") as errors:
            done = WarmCommands.like(os.environ).start(arguments, os.environ, tmp_path, out, errors)
            assert done.wait(60) == 0, arguments
        assert (tmp_path / "errors").read_text() == "", arguments
    with gone() as out:
        command = [sys.executable, "-m", "receiver", "providers"]
        new = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (new.returncode, new.stderr) == (0, "")


def gone() -> IO[bytes]:
    """What leads to a reader that has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "wb")


def test_another_pipe_that_closes_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that hung up is no reader of our results: exit 1, with a sentence."""

    def hang_up(_: click.Context) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(ends, "invoke", hang_up)
    monkeypatch.setattr(main, "COMMANDS", {"ends": Place("here:ends", "")})
    monkeypatch.setitem(sys.modules, "receiver.cli.here", sys.modules[__name__])
    assert run(["ends", "so"]) == 1
    assert capfd.readouterr().err == "receiver: Broken pipe\n"
