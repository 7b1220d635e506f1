"""``read_committed`` consumers: how long after its receipt each event was seen, and what a topic holds at the end."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime

from confluent_kafka import Consumer, KafkaError, TopicPartition

WAIT_S = 30.0


class Arrivals:
    """Reads a topic from its end, on a thread of its own, until it is told how many to wait for."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": f"arrivals-{time.time_ns()}"}
        self._consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.auto.commit": False})
        self._consumer.assign(_ends(self._consumer, topic))
        self._seen: list[tuple[float, bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(1000, 0.002):
                value = message.value()
                if message.error() is None and value is not None:
                    self._seen.append((time.time(), value))

    def stop(self, wanted: int) -> list[float]:
        """Wait until so many were seen, and give their latencies, ms; none where they do not say when they came."""
        deadline = time.monotonic() + WAIT_S
        while len(self._seen) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        said = ((at, json.loads(value).get("received_at")) for at, value in self._seen)
        return [(at - datetime.fromisoformat(received).timestamp()) * 1000 for at, received in said if received]


def ends(bootstrap: str, topic: str) -> list[TopicPartition]:
    """Where the topic ends now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"ends-{time.time_ns()}"})
    try:
        return _ends(consumer, topic)
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str) -> list[TopicPartition]:
    parts = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    ended = {part: consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=30)[1] for part in parts}
    return [TopicPartition(topic, part, end) for part, end in ended.items()]


def committed_since(bootstrap: str, parts: list[TopicPartition]) -> tuple[list[bytes], int]:
    """All committed keys from there on, and when the last record was written, Unix ms."""
    settings = {"bootstrap.servers": bootstrap, "group.id": f"count-{time.time_ns()}", "enable.auto.commit": False}
    settings |= {"isolation.level": "read_committed", "enable.partition.eof": True}
    consumer = Consumer(settings)
    try:
        consumer.assign(parts)
        keys: list[bytes] = []
        last_ms, ended = 0, set[int]()
        while len(ended) < len(parts):
            for message in consumer.consume(5000, 1.0):
                error = message.error()
                if error is None:
                    keys.append(message.key() or b"")
                    last_ms = max(last_ms, message.timestamp()[1])
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition() or 0)
        return keys, last_ms
    finally:
        consumer.close()
