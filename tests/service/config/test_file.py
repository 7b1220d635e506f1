"""The configuration file is found, read, or said to be unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.file import find, read


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), (b"[server", "no TOML"), (b"\xff", "no TOML")])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    """Missing, broken, not text."""
    file = tmp_path / "receiver.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=says) as refused:
        read(file)
    assert str(file) in refused.value.faults[0]


def test_where_the_file_is_looked_for() -> None:
    """The option, then the variable, then the folder."""
    assert find(Path("a"), {"RECEIVER_CONFIG": "b"}) == Path("a")
    assert find(None, {"RECEIVER_CONFIG": "b"}) == Path("b")
    assert find(None, {}) == Path("receiver.toml")
