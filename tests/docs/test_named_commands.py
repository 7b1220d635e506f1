"""Every command that a document names is one, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pages import DOCS, ROOT

from receiver.cli.main import cli

PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("*.md"), *(ROOT / "receiver").rglob("*.md")]
OF_THE_PAST = "CHANGELOG.md"
"""It names what was there before."""
IN_A_SENTENCE = re.compile(r"`(?:\.venv/bin/)?receiver ([a-z][^`\n]*)`")
IN_A_BLOCK = re.compile(r"^\$ (?:\.venv/bin/)?receiver ([^\n#]*)", re.MULTILINE)


def commands_of(text: str) -> Iterator[list[str]]:
    """The words after ``receiver`` of each command that a text names, without redirections and what stands for more."""
    for found in (*IN_A_SENTENCE.findall(text), *IN_A_BLOCK.findall(text)):
        line = re.split(r" [#>|&]", found)[0].replace("…", "")
        if line.count("'") % 2 == line.count('"') % 2 == 0:
            yield shlex.split(line)


def fault(words: list[str]) -> str | None:
    """What is wrong with a command, None where it is one."""
    command = cli.get_command(click.Context(cli), words[0])
    rest = words[1:]
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command = command.get_command(click.Context(command), rest.pop(0))
    if command is None:
        return "no such command"
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in options | {"-", "--"}]
    return f"no such option: {unknown[0]}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_it_is_there(page: Path) -> None:
    """As it is written, but for what stands in capitals."""
    if page.name != OF_THE_PAST:
        for words in commands_of(page.read_text("utf-8")):
            assert fault(words) is None, f"receiver {' '.join(words)}: {fault(words)}"


def test_commands_are_found_and_faults_noticed() -> None:
    """So that the test above can fail."""
    text = "`receiver tail --sauce x`\n$ .venv/bin/receiver journal chek  # words\n`receiver show X > file`\n"
    assert list(commands_of(text)) == [["tail", "--sauce", "x"], ["show", "X"], ["journal", "chek"]]
    assert [fault(words) for words in commands_of(text)] == ["no such option: --sauce", None, "no such command"]
    assert sum(len(list(commands_of(page.read_text("utf-8")))) for page in PAGES) > 100
