"""Who calls: one name for what one caller can call from, and a proxy's word only where it is trusted."""

from __future__ import annotations

import pytest

from receiver.intake.peers import HOPS_MAX, forwarded_for, is_within, networks, peer_of

TRUSTED = networks(["10.0.0.0/8", "192.0.2.7", "fd00::/8"])


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nobody", "nobody"),
    ],
)
def test_a_peer_is_an_ipv4_address_or_an_ipv6_network(address: str, peer: str) -> None:
    """An IPv6 caller has a /64 for itself."""
    assert peer_of(address) == peer


def test_only_what_is_listed_is_trusted() -> None:
    """Also in IPv6's clothes; what is no address never."""
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "fd00::1"):
        assert is_within(address, TRUSTED)
    for address in ("11.0.0.1", "192.0.2.8", "2001:db8::1", "", "unix:"):
        assert not is_within(address, TRUSTED)
    assert not is_within("10.1.2.3", ())


@pytest.mark.parametrize("text", ["10.0.0.1/8", "example.com", "", "10.0.0.0/99"])
def test_a_network_that_is_none_is_named(text: str) -> None:
    """When the configuration is read."""
    with pytest.raises(ValueError, match="no address and no network"):
        networks([text])


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        (["203.0.113.5"], "203.0.113.5"),
        (["1.1.1.1, 203.0.113.5"], "203.0.113.5"),
        (["1.1.1.1, 203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        (["1.1.1.1", "203.0.113.5,10.0.0.2", "192.0.2.7"], "203.0.113.5"),
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["203.0.113.5, junk"], None),
        (["203.0.113.5, junk, 10.0.0.2"], "10.0.0.2"),
        (["junk"], None),
        ([""], None),
        ([], None),
    ],
)
def test_forwarded_for_is_read_from_the_right(lines: list[str], caller: str | None) -> None:
    """Up to the first that is no trusted proxy's: what stands to its left the caller made up."""
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line.encode()) for line in lines)]
    assert forwarded_for(headers, TRUSTED) == caller


def test_a_chain_without_an_end_is_looked_at_so_far_only() -> None:
    """However many entries were made up."""
    made_up = b", ".join([b"1.2.3.4", *[b"10.0.0.1"] * 3000])
    assert forwarded_for([(b"x-forwarded-for", made_up)], TRUSTED) == "10.0.0.1"
    short = b", ".join([b"1.2.3.4", *[b"10.0.0.1"] * (HOPS_MAX - 1)])
    assert forwarded_for([(b"x-forwarded-for", short)], TRUSTED) == "1.2.3.4"
