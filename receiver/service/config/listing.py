"""The configuration as a list for people: each value, where it came from, and of a secret only whether it is there."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from receiver.console.desk import Configuration, Setting
from receiver.operate.verifying_key import fingerprint
from receiver.publish.kafka.options import SECRETS
from receiver.service.config.exposure import exposures
from receiver.service.config.file import ENV_PREFIX
from receiver.service.config.settings import REFERENCE, Settings, resolve
from receiver.service.config.soundness import faults_of, never_told

PACKAGES = ("exchange-webhook-receiver", "aiokafka", "apsw", "pydantic", "starlette", "uvicorn")
"""Whose versions are shown; apsw's is SQLite's and one more number."""
HIDDEN = "(not shown)"
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def configuration(
    settings: Settings, environ: Mapping[str, str], file: str, withheld: Collection[str] = ()
) -> Configuration:
    """Everything that is configured, without a secret.

    ``withheld``: variables that this process was started without; what refers to them is not called missing, and what
    is wrong with the configuration is the starting process's to say.
    """
    rows = list(_settings(settings, environ, withheld))
    return Configuration(
        file=file,
        settings=rows,
        routes=[route.model_dump() for route in settings.routes],
        versions={"Python": python_version(), **{name: _version(name) for name in PACKAGES}},
        faults=[] if withheld else faults_of(settings, environ),
        advice=[str(one) for one in (*never_told(settings), *exposures(settings))],
    )


def _settings(settings: Settings, environ: Mapping[str, str], withheld: Collection[str]) -> Iterator[Setting]:
    chosen = dict(_flat((), settings.model_dump(mode="json", exclude_unset=True)))
    for key, value in _flat((), settings.model_dump(mode="json")):
        origin = _origin(key, environ) if key in chosen else "default"
        yield Setting(".".join(key), _shown(key, value), origin, _about(key, value, environ, withheld))


def _flat(key: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _flat((*key, str(name)), one)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping | str):
        for place, one in enumerate(value):
            yield from _flat((*key, str(place)), one)
    else:
        yield key, value


def _origin(key: tuple[str, ...], environ: Mapping[str, str]) -> str:
    there = {name.upper() for name in environ}
    names = ["__".join(key[:depth]).upper() for depth in range(1, len(key) + 1)]
    return "environment" if any(f"{ENV_PREFIX}{name}" in there for name in names) else "file"


def _shown(key: tuple[str, ...], value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)  # TOML has numbers of any size
    if key[:2] == ("kafka", "client") and key[-1] in SECRETS and REFERENCE.fullmatch(value) is None:
        return HIDDEN
    return _LOGIN_IN_URL.sub(HIDDEN, value)


def _about(key: tuple[str, ...], value: Any, environ: Mapping[str, str], withheld: Collection[str]) -> str:
    if not isinstance(value, str) or REFERENCE.fullmatch(value) is None:
        return ""
    if value.removeprefix("env:") in withheld:
        return "not given to the console's process"
    try:
        secret = resolve(value, environ)
    except ValueError as error:
        return str(error)
    return f"resolves; key {fingerprint(secret)}" if key[-1] == "public" else "resolves"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
