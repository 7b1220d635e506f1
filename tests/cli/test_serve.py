"""``receiver serve``: what is a setting is no option, and the setting is named."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk


@pytest.mark.parametrize("name", ["port", "host"])
def test_an_address_is_a_setting(desk: Desk, name: str) -> None:
    """As `dev` has options for it, people try them here."""
    said = desk.fails("serve", f"--{name}", "9000", code=2)
    assert (
        f"--{name} is a setting here: set server.{name} in the configuration, or RECEIVER_SERVER__{name.upper()}"
        in said
    )
    out, _ = desk.run("serve", "--help")
    assert f"--{name}" not in out
