"""``journal.url`` of a database, taken apart."""

from __future__ import annotations

import pytest

from receiver.journal.postgres.address import Address, why_no_address


def test_our_own_parameter_is_not_the_drivers() -> None:
    """The others are, as they were given."""
    found = Address.of("postgresql://u@db1,db2:5432/receiver?sslmode=verify-full&sslrootcert=/etc/ca.pem&pooled=true")
    assert found.pooled
    assert found.url == "postgresql://u@db1,db2:5432/receiver?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    assert not Address.of("postgresql://u@db/receiver").pooled


@pytest.mark.parametrize("hosts", ["[::1]:5432", "[::1],db:5433", "db,[::1]:5433", "u@[fe80::1]", "", "db:"])
def test_hosts_are_taken_with_a_port_or_without(hosts: str) -> None:
    """An address of version 6 has colons that begin no port."""
    assert why_no_address(f"postgresql://{hosts}/receiver") is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:hunter2@db/receiver", "password"),
        ("postgresql://u@db/receiver?password=hunter2", "password"),
        ("postgresql://u@db", "names no database"),
        ("postgresql://u@db/", "names no database"),
        ("postgresql:u@db/x", "must begin with"),
        ("postgresql://u@db/receiver?synchronous_commit=off", "synchronous_commit"),
        ("postgresql://u@db/receiver?pooled=maybe", "neither true nor false"),
        ("postgresql://u@db:65536/receiver", "a port that is none: db:65536"),
        ("postgresql://u@db1:5432,db2:x/receiver", "a port that is none: db2:x"),
        ("postgresql://u@[::1]:0/receiver", "a port that is none"),
        ("postgresql://u@db1,/receiver", "a host that has no name: db1,"),
        ("postgresql://u@/receiver?host=/run,", "a host that has no name: /run,"),
        ("postgresql://u@db/receiver#x", "is no URL"),
    ],
)
def test_what_cannot_be_is_said_and_no_password_shown(url: str, why: str) -> None:
    """In a sentence's end."""
    said = why_no_address(url)
    assert said is not None
    assert why in said
    assert "hunter2" not in said
    with pytest.raises(ValueError, match=why):
        Address.of(url)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("u@db1,[::1]:5433/r", [("db1", "u@db1/r"), ("[::1]:5433", "u@[::1]:5433/r")]),
        ("db/r?sslmode=require&pooled=true", [("db", "db/r?sslmode=require")]),
        ("u@/r", [("", "u@/r")]),
        ("u@%2Frun%2Fpg/r", [("%2Frun%2Fpg", "u@%2Frun%2Fpg/r")]),
        ("/r?host=/run/a,/run/b", [("/run/a", "/r?host=/run/a"), ("/run/b", "/r?host=/run/b")]),
        ("us%40er@db/r%20x", [("db", "us%40er@db/r%20x")]),
    ],
)
def test_each_host_has_a_url_of_its_own(url: str, hosts: list[tuple[str, str]]) -> None:
    """With all that holds for each of them."""
    found = Address.of(f"postgresql://{url}").hosts
    assert found == tuple((host, f"postgresql://{its}") for host, its in hosts)
