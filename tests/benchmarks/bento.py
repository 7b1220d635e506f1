"""Bento, the same work done by a well-known program: verify the HMAC in its mapping, answer after Kafka's ack.

Built from its Go module where Go is there, once, into a cache folder; nothing of it is needed otherwise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.servers import SIGNED_URL

VERSION = "v1.20.0"
PROGRAM = """package main

import (
	"context"

	"github.com/warpstreamlabs/bento/public/service"

	_ "github.com/warpstreamlabs/bento/public/components/io"
	_ "github.com/warpstreamlabs/bento/public/components/kafka"
	_ "github.com/warpstreamlabs/bento/public/components/pure"
)

func main() {
	service.RunCLI(context.Background())
}
"""
CONFIGURATION = """
http:
  enabled: false
input:
  http_server:
    address: 127.0.0.1:{port}
    path: /webhooks/main
    allowed_verbs: [POST]
    timeout: 30s
    sync_response:
      status: '${{! meta("status").or("200") }}'
pipeline:
  threads: 2
  processors:
    - mapping: |
        let signed = "POST{url}" + content().string() + meta("Timestamp").or("")
        let wanted = $signed.hash("hmac_sha256", env("BENCH_SECRET")).encode("hex")
        let age = (timestamp_unix() - meta("Timestamp").or("0").number()).abs()
        root = if $wanted != meta("Signature").or("") || $age > 300 {{ throw("unauthorized") }}
        meta key = this.id
    - switch:
        - check: errored()
          processors:
            - mapping: |
                meta status = "401"
                root = "no"
            - sync_response: {{}}
            - mapping: root = deleted()
output:
  kafka_franz:
    seed_brokers: ["{bootstrap}"]
    topic: {topic}
    key: '${{! meta("key") }}'
    idempotent_write: true
    max_in_flight: 256
    compression: none
logger:
  level: ERROR
"""


def configuration(port: int, bootstrap: str, topic: str) -> str:
    """Its configuration file."""
    return CONFIGURATION.format(port=port, bootstrap=bootstrap, topic=topic, url=SIGNED_URL.decode())


def built() -> Path | None:
    """The program, None where Go is not there or the module cannot be had."""
    if shutil.which("go") is None:
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exchange-webhook-receiver" / "bento"
    command = cache / f"bento-{VERSION}"
    if command.exists():
        return command
    sys.stderr.write("bench: building Bento, a few minutes, once\n")
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "main.go").write_text(PROGRAM)
    (cache / "go.mod").write_text(f"module bench\n\ngo 1.24\n\nrequire github.com/warpstreamlabs/bento {VERSION}\n")
    for arguments in (["mod", "tidy"], ["build", "-o", command.name, "."]):
        done = subprocess.run(["go", *arguments], cwd=cache, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(
                f"bench: Bento cannot be built ({done.stderr.strip().splitlines()[-1:]}); going on without\n"
            )
            return None
    return command
