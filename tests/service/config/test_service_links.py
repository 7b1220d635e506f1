"""Links to a service beside us, told from mistyped settings."""

from __future__ import annotations

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import build

KUBERNETES = {
    "RECEIVER_SERVICE_HOST": "10.96.0.17",
    "RECEIVER_SERVICE_PORT": "8080",
    "RECEIVER_SERVICE_PORT_HTTP": "8080",
    "RECEIVER_SERVICE_PORT_HTTP_ADMIN": "8081",
    "RECEIVER_PORT": "tcp://10.96.0.17:8080",
    "RECEIVER_PORT_8080_TCP": "tcp://10.96.0.17:8080",
    "RECEIVER_PORT_8080_TCP_PROTO": "tcp",
    "RECEIVER_PORT_8080_TCP_PORT": "8080",
    "RECEIVER_PORT_8080_TCP_ADDR": "10.96.0.17",
}
DOCKER = {
    "RECEIVER_NAME": "/gateway/receiver",
    "RECEIVER_PORT": "udp://172.17.0.5:8080",
    "RECEIVER_PORT_8080_UDP_START": "udp://172.17.0.5:8080",
    "RECEIVER_PORT_8080_UDP_PORT_END": "8090",
    "RECEIVER_ENV_PATH": "/bin",
    "RECEIVER_ENV_python_version": "3",
}
SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


def named(link: str, environ: dict[str, str]) -> dict[str, str]:
    """The same variables for a service of another name."""
    return {name.replace("RECEIVER", link, 1): value for name, value in environ.items()}


@pytest.mark.parametrize("environ", [KUBERNETES, DOCKER], ids=["kubernetes", "docker"])
@pytest.mark.parametrize("link", ["RECEIVER", "RECEIVER_ADMIN", "RECEIVER_KAFKA", "RECEIVER_2", "RECEIVER__CONFIG"])
def test_all_that_a_link_sets_is_found(link: str, environ: dict[str, str]) -> None:
    """Also of a service whose name only begins like ours."""
    assert service_links({**named(link, environ), "PATH": "/bin", "RECEIVERS_PORT": "80"}) == sorted(
        named(link, environ)
    )


def test_an_ipv6_cluster_has_other_values() -> None:
    """Its addresses, with brackets where a port follows."""
    environ = {"RECEIVER_SERVICE_HOST": "fd00::11", "RECEIVER_PORT": "tcp://[fd00::11]:8080"}
    assert service_links(environ) == sorted(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECEIVER_PORT", "8080"),
        ("RECEIVER_SERVER_PORT", "8080"),
        ("RECEIVER_SERVICE_PORT", "8080"),
        ("RECEIVER_SERVICE_HOST", "0.0.0.0:80"),
        ("RECEIVER_NAME", "swaps"),
        ("RECEIVER_ENV_PATH", "/bin"),
        ("RECEIVER_SERVER__PROT", "8080"),
        ("receiver_service_host", "10.0.0.1"),
    ],
)
def test_a_mistyped_setting_is_no_link(name: str, value: str) -> None:
    """Where its value is none that a link has, or it stands alone."""
    assert service_links({name: value}) == []


def test_a_mistyped_setting_beside_links_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that a link would have set to something else."""
    for name, value in {**KUBERNETES, "RECEIVER_PORT": "8080", "RECEIVER_ENV_X": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        build({"sources": [SOURCE]}, "here")
    assert caught.value.faults == [
        "environment: RECEIVER_ENV_X: no such setting",
        "environment: RECEIVER_PORT: no such setting",
    ]


def test_links_change_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names have one underscore where a setting's has two."""
    without = build({"sources": [SOURCE]}, "here")
    for link in ("RECEIVER", "RECEIVER_SERVER", "RECEIVER_JOURNAL", "RECEIVER_SOURCES"):
        for name, value in named(link, KUBERNETES).items():
            monkeypatch.setenv(name, value)
    assert build({"sources": [SOURCE]}, "here") == without
