"""The options that choose: every wish of a ``Filter`` has one."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from receiver.cli.filters import NAMES, filters
from receiver.operate.selection import Filter


@click.command()
@filters
def echo(**wanted: Any) -> None:
    """Show what is wanted."""
    click.echo(repr(Filter(**wanted)))


def test_every_wish_has_an_option() -> None:
    """By the name of the filter's field."""
    assert {parameter.name for parameter in echo.params} == set(NAMES)
    assert CliRunner().invoke(echo, []).output == f"{Filter()!r}\n"


def test_options_become_a_filter() -> None:
    """Times as Unix microseconds, exactly."""
    given = ["--since", "2024-05-27T08:55:30.000001Z", "--until", "2024-05-27T10:55:31+02:00", "--limit", "3"]
    wanted = Filter(since_us=1_716_800_130_000_001, until_us=1_716_800_131_000_000, limit=3)
    assert CliRunner().invoke(echo, given).output == f"{wanted!r}\n"


@pytest.mark.parametrize("time", ["yesterday", "2024-05-27T08:55:30", "1716800130", ""])
def test_what_is_no_time_is_wrong_use(time: str) -> None:
    """Also one without a zone: nobody knows which was meant."""
    done = CliRunner().invoke(echo, ["--since", time])
    assert done.exit_code == 2
    assert "is no RFC 3339 time with a zone, as 2024-05-27T08:55:30Z" in done.output.replace("\n", " ")


def test_a_limit_of_nothing_is_wrong_use() -> None:
    """At least one."""
    assert CliRunner().invoke(echo, ["--limit", "0"]).exit_code == 2
