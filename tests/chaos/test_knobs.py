"""A stepped clock reaches whoever asks for the time of day, in whatever way, and nothing that only counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.knobs import NO_COMPILER, Knobs, compiler, make_knobs

HOURS_S = (2 * 3600, -2 * 3600, 10 * 86_400)
ASKS_IN_C = """
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
int main(void) {
  struct timeval day; struct timespec exact, coarse, standard, counted; time_t stored;
  gettimeofday(&day, NULL);
  time_t returned = time(&stored);
  clock_gettime(CLOCK_REALTIME, &exact);
  clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
  timespec_get(&standard, TIME_UTC);
  clock_gettime(CLOCK_MONOTONIC, &counted);
  printf("{\\"gettimeofday\\": %ld, \\"time\\": %ld, \\"time stored\\": %ld, \\"clock_gettime\\": %ld, ",
         (long)day.tv_sec, (long)returned, (long)stored, (long)exact.tv_sec);
  printf("\\"coarse\\": %ld, \\"timespec_get\\": %ld, \\"monotonic\\": %ld}\\n",
         (long)coarse.tv_sec, (long)standard.tv_sec, (long)counted.tv_sec);
}
"""
ASKS_IN_PYTHON = """
import datetime, json, time
from aiokafka.record.default_records import DefaultRecordBatchBuilder
batch = DefaultRecordBatchBuilder(2, 0, 1, 7, 0, 0, 10_000)
record = batch.append(0, None, b"key", b"value", [])
print(json.dumps({
    "time.time": time.time(),
    "datetime": datetime.datetime.now(datetime.UTC).timestamp(),
    "a record of the Kafka client": record.timestamp / 1000,
    "monotonic": time.monotonic(),
}))
"""
WATCHES = """
import sys, time
for line in sys.stdin:
    print(time.time(), flush=True)
"""


@pytest.fixture
def knobs(tmp_path: Path) -> Knobs:
    """A library of the test's own."""
    if compiler() is None:
        pytest.skip(NO_COMPILER)
    return make_knobs(tmp_path)


def told(command: list[str], knobs: Knobs) -> dict[str, Any]:
    """What a process with these knobs prints."""
    environ = {**os.environ, **knobs.environ}
    return dict(json.loads(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout))


def is_off(answers: dict[str, Any], seconds: float) -> None:
    """Each clock by these seconds, but the one that counts."""
    assert answers.pop("monotonic") == pytest.approx(time.monotonic(), abs=30)
    now_s = time.time()
    assert {name: round(said - now_s - seconds, -2) for name, said in answers.items()} == dict.fromkeys(answers, 0)


@pytest.mark.parametrize("seconds", HOURS_S)
def test_a_process_in_c_is_told_the_same_wrong_time_by_every_clock(knobs: Knobs, tmp_path: Path, seconds: int) -> None:
    """Also by those that it asks without our knowing it."""
    source, program = tmp_path / "asks.c", tmp_path / "asks"
    source.write_text(ASKS_IN_C)
    subprocess.run([str(compiler()), "-o", str(program), str(source)], check=True)
    knobs.turn(clock_s=seconds)
    is_off(told([str(program)], knobs), seconds)


@pytest.mark.parametrize("seconds", HOURS_S)
def test_a_python_process_too_and_its_kafka_client(knobs: Knobs, seconds: int) -> None:
    """The client's compiled part does not ask as Python does: its records once had the right time all the same."""
    knobs.turn(clock_s=seconds)
    is_off(told([sys.executable, "-c", ASKS_IN_PYTHON], knobs), seconds)


def test_the_clock_of_a_running_process_is_stepped_and_set_right(knobs: Knobs) -> None:
    """Within a moment, both ways."""
    command = [sys.executable, "-c", WATCHES]
    environ = {**os.environ, **knobs.environ}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for seconds in (0, 7200, 0, -7200, 0):
            knobs.turn(clock_s=seconds)
            time.sleep(0.1)
            process.stdin.write("\n")
            process.stdin.flush()
            assert float(process.stdout.readline()) - time.time() == pytest.approx(seconds, abs=60)
        process.stdin.close()


def test_each_fsync_takes_longer(knobs: Knobs, tmp_path: Path) -> None:
    """As long as is asked for."""
    program = "import os, sys, time; f = open(sys.argv[1], 'wb'); s = time.monotonic(); os.fsync(f.fileno())\n"
    program += "import json; print(json.dumps({'took': time.monotonic() - s}))"
    knobs.turn(fsync_us=300_000)
    assert told([sys.executable, "-c", program, str(tmp_path / "file")], knobs)["took"] >= 0.3
