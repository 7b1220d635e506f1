"""Over how many partitions the keys of each topic go: what the outbox remembers, whatever Kafka has by now.

All events of an operation lie in one partition, in their order, as long as its key is hashed over the same number of
partitions. Partitions that somebody adds to a topic would move keys to another one, and a consumer could read an
operation's newer event before an older one. So the number that a topic had when it was first seen stays in use, a
change is said aloud, and a person who knows how far the consumers are accepts it (``receiver topics accept``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from receiver.journal.ports import Outbox
from receiver.model.log import Log


@dataclass(frozen=True, slots=True)
class Change:
    """A topic that has another number of partitions than its keys go over."""

    topic: str
    there: int
    remembered: int

    def __str__(self) -> str:
        return (
            f"topic {self.topic} has {self.there} partitions, and its keys go over {self.remembered}: "
            f"{self.consequence}; `receiver topics accept {self.topic}` takes the new number"
        )

    @property
    def consequence(self) -> str:
        """What follows from it until a person has accepted it."""
        if self.there < self.remembered:
            return "it was made anew with fewer, and nothing goes to it"
        return "the others stay empty, so that the order of each operation holds"


def changes(there: Mapping[str, int], remembered: Mapping[str, int]) -> list[Change]:
    """Give what has changed, by topic."""
    return [
        Change(topic, count, remembered[topic])
        for topic, count in sorted(there.items())
        if remembered.get(topic, count) != count
    ]


class RememberedSpread:
    """``ports.Spread`` on an outbox. The outbox is asked each time: a person accepts a change beside the service."""

    def __init__(self, outbox: Outbox, log: Log) -> None:
        self._outbox = outbox
        self._log = log
        self._changed: dict[str, Change] = {}

    @property
    def changed(self) -> list[Change]:
        """The topics that have another number of partitions, as far as was seen last."""
        return list(self._changed.values())

    def over(self, cluster_id: str, there: Mapping[str, int], *, fresh: bool) -> Mapping[str, int]:
        """Give how many partitions each topic's keys go over, and note what is new; raises ``StoreFailed``."""
        remembered = self._outbox.topic_partitions(cluster_id)
        new = {topic: count for topic, count in there.items() if topic not in remembered}
        if new:
            self._outbox.note_topic_partitions(cluster_id, new)
        for change in changes(there, remembered):
            if fresh or change.there > change.remembered:
                self._say(change)
        for change in self.changed:
            undone = fresh and there.get(change.topic) == remembered.get(change.topic, change.there)
            if undone or remembered.get(change.topic) == change.there:
                self._log.info("relay.partitions_settled", topic=change.topic, partitions=remembered[change.topic])
                del self._changed[change.topic]
        return {topic: remembered.get(topic, count) for topic, count in there.items()}

    def _say(self, change: Change) -> None:
        if self._changed.get(change.topic) != change:
            self._changed[change.topic] = change
            self._log.warning(
                "relay.partitions_changed",
                topic=change.topic,
                partitions=change.there,
                keys_go_over=change.remembered,
            )
