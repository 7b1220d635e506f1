"""``receiver completion``: a script for each shell, and what is offered once it is there."""

from __future__ import annotations

import subprocess

import pytest
from click.shell_completion import ShellComplete

from receiver.cli.completion import VARIABLE
from receiver.cli.main import COMMANDS, cli, run
from tests.cli.desk import Desk
from tests.operate.desk import exchange


def offered(*words: str) -> list[str]:
    """What is offered for the last word, which has only been begun."""
    complete = ShellComplete(cli, {}, "receiver", VARIABLE)
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That asks this command."""
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"{VARIABLE}={shell}_complete" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script.encode(), check=True)


def test_commands_options_and_words_are_offered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources of the configuration, and the operations that were heard of last."""
    monkeypatch.setenv("RECEIVER_CONFIG", str(desk.config))
    assert offered("") == sorted(COMMANDS)
    assert offered("re") == ["reconcile", "rejects", "replay"]
    assert offered("quarantine", "cl") == ["close"]
    assert "--follow" in offered("tail", "--")
    assert offered("tail", "--status", "comp") == ["completed"]
    assert offered("simulate", "--source", "") == ["0xpay-main", "swaps"]
    assert "exchange-happy" in offered("simulate", "--scenario", "exchange-h")
    assert "not_json" in offered("quarantine", "list", "--reason", "not_")
    assert offered("show", "") == [], "there is no journal yet"
    desk.take("0xpay-main", [exchange("one"), b"junk", exchange("two"), exchange("one", status="Pending")])
    assert offered("show", "") == ["one", "two"]
    assert offered("show", "t") == ["two"]
    assert offered("erase", "o") == ["one"]
