"""What commands share: which configuration they take, and that results and messages go apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from receiver.cli import output
from receiver.cli.output import load_or_built_in, say, show_line, show_table, write_json, write_line
from receiver.model.errors import ConfigurationError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no configuration in it, and none named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECEIVER_CONFIG", raising=False)


def test_where_no_file_is_named_and_none_is_there_a_desks_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ports that were asked for, and made-up secrets beside the environment."""
    monkeypatch.setenv("KEPT", "as it is")
    settings, environ = load_or_built_in(None, 9000, 9001)
    assert (settings.server.port, settings.admin.port) == (9000, 9001)
    assert environ["KEPT"] == "as it is"
    assert len(environ) > 1


def test_a_file_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option as by the variable."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        load_or_built_in(tmp_path / "nowhere.toml")
    monkeypatch.setenv("RECEIVER_CONFIG", "elsewhere.toml")
    with pytest.raises(ConfigurationError, match=r"elsewhere\.toml"):
        load_or_built_in(None)


def test_a_file_that_is_there_is_taken_without_being_named(tmp_path: Path) -> None:
    """Its faults are faults."""
    (tmp_path / "receiver.toml").write_text("[server]\nprot = 5\n")
    with pytest.raises(ConfigurationError, match=r"server\.prot: no such key"):
        load_or_built_in(None)


def test_results_go_to_stdout_and_messages_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """JSON one object a line; a table does not cut a cell."""
    write_json([{"a": 1}, {"a": None}])
    say("a message")
    assert capfd.readouterr() == ('{"a":1}\n{"a":null}\n', "a message\n")
    show_table("title", ("one", "two"), [(1, None), ("x" * 300, 2)])
    out, err = capfd.readouterr()
    assert err == ""
    assert out.replace("\n", "").count("x") == 300
    assert out.splitlines()[0].startswith("title")


HOSTILE = "\x1b]0;x\x07\x9b2J[/x][red]\u202e\r\nreceiver: all is well\x7f\u2028"
"""Of a terminal's own language, of markup, and a line of its own."""
ACTS = set("\x1b\x07\x9b\u202e\r\x7f\u2028")


@pytest.mark.parametrize("colour", [False, True])
def test_what_a_stranger_wrote_is_shown_and_does_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, colour: bool
) -> None:
    """In a cell, a line, a message, JSON; on a terminal as anywhere."""
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
    show_table("", ("one",), [[HOSTILE]])
    show_line(HOSTILE)
    show_line(Text(HOSTILE))
    say(HOSTILE)
    write_json([{"a": HOSTILE, HOSTILE: 1}])
    write_line(f'{{"a":"{HOSTILE[8:]}"}}'.encode())
    out, err = capfd.readouterr()
    out = out.replace("\x1b[1m", "").replace("\x1b[0m", "")  # the headings' own
    assert not ACTS & set(out + err)
    assert out.count("[/x][red]") == 6
    assert len(out.splitlines()) == 6  # with the table's heading
    assert err.count("\n") == 1


def test_nothing_else_of_the_commands_writes_to_a_terminal() -> None:
    """All of it goes through one door; what click itself shows is what the person typed."""
    folder = Path(output.__file__).parent
    for path in sorted(folder.glob("*.py")):
        text = path.read_text("utf-8")
        if path.name != "output.py":
            assert ".print(" not in text, path.name
            assert "Table(" not in text, path.name
        echoed = [line.strip() for line in text.splitlines() if "click.echo(" in line]
        if path.name not in {
            "output.py",
            "main.py",
            "sandbox.py",
            "docs.py",
            "schemas.py",
        }:
            assert all("printable(" in line for line in echoed), path.name
