"""The configuration file: where it is, and its tables as they are written; what they mean is ``settings``' matter."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from receiver.model.errors import ConfigurationError

ENV_PREFIX = "RECEIVER_"
CONFIG_VARIABLE = "RECEIVER_CONFIG"
DEFAULT_FILE = "receiver.toml"


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: ``--config``, then ``$RECEIVER_CONFIG``, then ``receiver.toml``."""
    return path or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)


def read(file: Path) -> dict[str, Any]:
    """Give the tables of ``file``; raises ``ConfigurationError`` with why it cannot be read."""
    try:
        content = file.read_bytes()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ConfigurationError([f"{file}: no TOML: it is UTF-16; save it as UTF-8"])
        return tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigurationError([f"{file}: there is no such file; `receiver init` writes one"]) from None
    except OSError as error:
        raise ConfigurationError([f"{file}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{file}: no TOML: it is not UTF-8, from byte {error.start} on"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{file}: no TOML: {error}"]) from None
    except RecursionError:
        raise ConfigurationError([f"{file}: no TOML: nested too deep"]) from None
