"""A service whose clock is hours off: Kafka refuses what it sends; that is said, and nothing is lost or withheld."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from kafka_local import LocalKafka

from tests.chaos import traffic
from tests.chaos.administrator import Administrator
from tests.chaos.knobs import NO_COMPILER, Knobs, compiler, make_knobs
from tests.chaos.oracle import committed
from tests.chaos.service import Service, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PREFIX = "clock."
EVENTS_TOPIC, QUARANTINE_TOPIC = f"{PREFIX}exchange.status.v1", f"{PREFIX}webhook.quarantine.v1"
HOUR_S = 3600
SAYS = re.compile(
    r"Kafka refuses our timestamps: this clock is off by ([\d.]+) s \((ahead of|behind) the broker's\); topic (\S+) .*"
)


@pytest.fixture(scope="module")
def stepped(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Knobs]]:
    """One service for all of it, and the knob of its clock."""
    if compiler() is None:
        pytest.skip(NO_COMPILER)
    folder = tmp_path_factory.mktemp("clock")
    knobs = make_knobs(folder)
    with Service(folder / "service", kafka.bootstrap, PREFIX, forks=True) as service:
        service.environ |= knobs.environ
        assert service.receiver("topics", "create").returncode == 0
        # As many clusters do; what is an hour ahead is refused without any setting.
        Administrator(kafka.bootstrap).set_topic(EVENTS_TOPIC, "message.timestamp.before.max.ms", HOUR_S * 1000)
        service.start()
        service.wait_ready()
        assert service.post_swap(swap("first")) == 200
        service.wait_published(1)
        yield service, knobs


def swap(identity: str) -> dict[str, str]:
    """A callback whose signature holds no time, so that it is taken whatever the clock says."""
    return {"id": identity, "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}


@pytest.mark.parametrize(("seconds", "word"), [(2 * HOUR_S, "ahead of"), (-2 * HOUR_S, "behind"), (86_400, "ahead of")])
def test_a_clock_hours_off_is_said_and_costs_nothing(
    stepped: tuple[Service, Knobs], kafka: LocalKafka, seconds: int, word: str
) -> None:
    """Also where the publisher dies meanwhile: once the clock is right each event is there once, and none elsewhere."""
    service, knobs = stepped

    def said() -> dict[str, Any] | None:
        body = service.readyz()
        return body if body and SAYS.fullmatch(body["kafka"]["detail"] or "") else None

    knobs.turn(clock_s=seconds)
    try:
        assert [service.post_swap(swap(f"{seconds}-{number}")) for number in range(20)] == [200] * 20
        body = until(said, 60)
        before = service.child("publish")
        assert service.kill("publish")
        until(lambda: service.child("publish") not in {before, None})
        again = until(said, 60)
    finally:
        knobs.turn()
    for one in (body, again):
        assert one["ready"]
        assert one["kafka"]["state"] == "down"
        assert one["kafka"]["backlog"] > 0
        off_s, direction, topic = SAYS.fullmatch(one["kafka"]["detail"]).groups()  # type: ignore[union-attr]
        assert float(off_s) == pytest.approx(abs(seconds), abs=60)
        assert (direction, topic) == (word, EVENTS_TOPIC)
    service.wait_published(1)
    found = Counter(seen.key.rpartition(":")[2] for seen in committed(kafka.bootstrap, EVENTS_TOPIC))
    assert {key: count for key, count in found.items() if key.startswith(f"{seconds}-")} == {
        f"{seconds}-{number}": 1 for number in range(20)
    }
    assert committed(kafka.bootstrap, QUARANTINE_TOPIC) == []
    checked = service.receiver("journal", "check")
    assert checked.returncode == 0, checked.stdout


def test_a_clock_that_is_off_by_less_than_the_limits_is_nobodys_concern(
    stepped: tuple[Service, Knobs], kafka: LocalKafka
) -> None:
    """Events go out as ever."""
    service, knobs = stepped
    knobs.turn(clock_s=HOUR_S - 300)
    try:
        assert service.post_swap(swap("nearly")) == 200
        until(lambda: any(seen.key.endswith(":nearly") for seen in committed(kafka.bootstrap, EVENTS_TOPIC)))
    finally:
        knobs.turn()
