"""``doctor``: what is wrong and what to do, on one page; and the same as a file for whoever is asked for help."""

from __future__ import annotations

import os
import platform
import re
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import click
import orjson

from receiver.cli.exit_codes import DONE, FAILED
from receiver.cli.output import config_option, json_option, say, show_line, write_json
from receiver.model.errors import ReceiverError
from receiver.service.config.file import find
from receiver.service.config.settings import Settings, load
from receiver.service.config.soundness import advice_on, faults_of
from receiver.service.doctor import ANSWER_S, Sign, examine
from receiver.service.health import EVERY_ADDRESS, ask
from receiver.service.wiring import open_context

SHOWN_OF_CLIENT = frozenset({"security_protocol", "sasl_mechanism", "ssl_cafile", "ssl_certfile", "client_id"})
"""Of ``kafka.client``, which can hold a password in clear: what a bundle names; of all else only that it is set."""

USER_IN_URL = re.compile(r"//[^/@\s\"]{1,200}@")
"""A user and a password as a URL can have them."""


@click.command()
@config_option
@json_option
@click.option("--quick", is_flag=True, help="Do not read the whole journal, which takes a minute for some millions.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write all of it, with versions, numbers and the configuration without secrets, to this zip file.",
)
def doctor(config: Path | None, bundle: Path | None, *, as_json: bool, quick: bool) -> int:
    """Say what is wrong and what to do: configuration, secrets, limits, disk, clock, journal, Kafka, proxies."""
    if bundle is not None and bundle.exists():
        raise ReceiverError(f"{bundle} is there already")
    settings = load(config)
    signs = [*_configuration(settings, find(config, os.environ))]
    if any(sign.level == "fault" for sign in signs):
        signs.append(Sign("note", "kafka", "not looked at, nor the journal, before the configuration is sound"))
    else:
        say("looking at the disk, the journal, Kafka and the running service …")
        signs += examine(settings, open_context(settings, os.environ), thorough=not quick)
    if bundle is not None:
        _write(bundle, settings, signs)
    if as_json:
        write_json([sign.document() for sign in signs])
    else:
        _show(signs)
    faults = sum(sign.level == "fault" for sign in signs)
    warnings = sum(sign.level == "warning" for sign in signs)
    say(f"{_count(faults, 'fault')}, {_count(warnings, 'warning')}" + (f"; wrote {bundle}" if bundle else ""))
    return FAILED if faults else DONE


def _configuration(settings: Settings, file: Path) -> Sequence[Sign]:
    faults = [Sign("fault", "configuration", fault) for fault in faults_of(settings, os.environ)]
    advice = [
        Sign("note" if one.note else "warning", "configuration", f"{one.place}: {one.what}", one.mend)
        for one in advice_on(settings, os.environ, file)
    ]
    return [*faults, *advice] or [Sign("well", "configuration", f"{file} is sound")]


def _show(signs: Sequence[Sign]) -> None:
    # What is wrong comes last, where the eye is when the page has scrolled by.
    order = ("well", "note", "warning", "fault")
    for sign in sorted(signs, key=lambda sign: order.index(sign.level)):
        show_line(f"{sign.level:<8} {sign.area}: {sign.what}")
        if sign.mend:
            show_line(f"         do: {sign.mend}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _write(bundle: Path, settings: Settings, signs: Sequence[Sign]) -> None:
    host = EVERY_ADDRESS.get(settings.admin.host, settings.admin.host)
    parts: dict[str, Any] = {
        "signs.json": [sign.document() for sign in signs],
        "configuration.json": without_secrets(settings),
        "versions.json": {
            "python": sys.version,
            "system": platform.platform(),
            **dict(sorted((one.name, one.version) for one in distributions())),
        },
    }
    for name, path in (("readyz.json", "/readyz"), ("metrics.txt", "/metrics")):
        try:
            parts[name] = ask(host, settings.admin.port, path, ANSWER_S)[1]
        except ReceiverError as error:
            parts[name] = str(error).encode()
    # Made for its owner alone: names of sources and hosts are nobody else's.
    descriptor = os.open(bundle, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            text = part if isinstance(part, bytes) else orjson.dumps(part, option=orjson.OPT_INDENT_2)
            archive.writestr(name, text)


def without_secrets(settings: Settings) -> dict[str, Any]:
    """The configuration as it was read: references stay, and what could be a secret itself is only said to be set."""
    document: dict[str, Any] = orjson.loads(USER_IN_URL.sub("//(set)@", settings.model_dump_json()))
    kafka = document.get("kafka")
    if kafka is not None:
        kafka["client"] = {key: value if key in SHOWN_OF_CLIENT else "(set)" for key, value in kafka["client"].items()}
    return document
