"""A schema registry as a caller meets it: by URL, by TLS, by name and password; each fault is one sentence."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from receiver.model.errors import ReceiverError
from receiver.operate.schema_registry import SchemaRegistry, minified
from tests.fake_registry import registry

CERTIFICATES = Path(__file__).parents[1] / "publish/kafka/certificates"
SCHEMAS = {"a.topic": '{"type":"object"}'}


def published(url: str, ca: str | None = None) -> list[str]:
    """What became of each."""
    with SchemaRegistry(url, ca=ca) as client:
        return [one.done for one in client.publish(SCHEMAS)]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an answer as long as a busy machine needs."""
    monkeypatch.setattr("receiver.operate.schema_registry.ANSWER_S", 60.0)
    monkeypatch.setattr("receiver.operate.schema_registry.CONNECT_S", 60.0)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("registry.example.com", "is a URL"),
        ("ftp://registry.example.com", "is a URL"),
        ("https://", "is a URL"),
        ("http://[::1", "is a URL"),
        ("https://ledger:made-up@registry.example.com", "holds a user"),
    ],
)
def test_what_is_no_url_is_refused(url: str, said: str) -> None:
    """Before anything is asked, and without showing what it may hold."""
    with pytest.raises(ReceiverError, match=said) as refused:
        SchemaRegistry(url)
    assert "made-up" not in str(refused.value)


def test_a_password_goes_over_tls_or_stays_on_this_machine() -> None:
    """Else everybody on the way reads it."""
    with pytest.raises(ReceiverError, match="https is needed"):
        SchemaRegistry("http://registry.example.com", user="a", password="made-up")
    for url in ("https://registry.example.com", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        with SchemaRegistry(url, user="a", password="made-up"):
            pass


def test_a_certificate_of_ones_own_authority() -> None:
    """Is taken where that authority is named, and only there."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATES / "sound.pem")
    with registry(tls=server) as there:
        url = there.url.replace("localhost", "127.0.0.1")
        assert published(url, str(CERTIFICATES / "authority.pem")) == ["registered"]
        with pytest.raises(ReceiverError, match="certificate verify failed"):
            published(url)


def test_what_is_no_certificate_is_named(tmp_path: Path) -> None:
    """Also a file that is not there."""
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "nowhere.pem"):
        with pytest.raises(ReceiverError, match=f"{name} is no file of certificates"):
            SchemaRegistry("https://localhost:1", ca=str(tmp_path / name))


def test_a_subject_may_have_any_name() -> None:
    """It is one piece of the path."""
    with registry() as there, SchemaRegistry(there.url) as client:
        (one,) = client.publish({"a/b c?": SCHEMAS["a.topic"]})
        assert (one.subject, one.id, one.version) == ("a/b c?-value", 1, 1)
        assert list(there.subjects) == ["a/b c?-value"]


def test_a_changed_schema_is_the_next_version() -> None:
    """As a registry counts."""
    with registry() as there, SchemaRegistry(there.url) as client:
        assert [one.version for one in client.publish(SCHEMAS)] == [1]
        assert [one.version for one in client.publish({"a.topic": '{"type":"object","properties":{}}'})] == [2]


def test_only_what_a_schema_says_counts() -> None:
    """Not how it is laid out."""
    assert minified('{\n  "type": "object",\n  "title": "→"\n}\n') == '{"type":"object","title":"→"}'
