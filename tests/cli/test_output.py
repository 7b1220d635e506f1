"""What commands share: which configuration they take, and that results and messages go apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.cli.output import load_or_built_in, say, show_table, write_json
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
