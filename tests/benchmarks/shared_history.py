"""A journal in PostgreSQL that holds so many callbacks already, written by the database itself."""

from __future__ import annotations

import random
import time
from contextlib import closing
from dataclasses import replace

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.journal import find_journal
from tests.chaos.postgres import Postgres

PARTS = 30
ASKED = 50
STEP = 250_000
PLACES = 1024
EVENT_BYTES, BODY_BYTES = 900, 420
"""Of a value, and of a callback's body, as the load's are."""

TABLES = """
INSERT INTO callbacks SELECT 0, {base} + n * 1024, 'main1', {now_us} - ({count} - n) * 1000,
  convert_to(repeat('x-header: value' || chr(13) || chr(10), 12), 'UTF8'), convert_to(repeat('b', {body}), 'UTF8')
FROM generate_series({first}::bigint, {last}) AS n;
INSERT INTO operations (id, key_digest, key, sequence, event_id, provider_status, rank, terminal, updated_at, arrival,
  revisions) OVERRIDING SYSTEM VALUE
SELECT n, substring(sha256(convert_to('0xpay:history:exchange:' || md5(n::text), 'UTF8')) FOR 16),
  '0xpay:history:exchange:' || md5(n::text), 2, md5('event' || n * 2), 'Done', 9, true, NULL, n * 2, '{{}}'
FROM generate_series(({first}::bigint + 1) / 2, {last} / 2) AS n;
INSERT INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish, simulated)
SELECT n, 'event', md5('event' || n), '0xpay', 'main1', 'history', 'exchange', 'exchange', md5(((n + 1) / 2)::text),
  'completed', true, '2026-01-01T00:00:00.000000Z', {base} + n * 1024, NULL,
  convert_to('{{"reference":"' || n || '","note":"' || repeat('e', {event}) || '"}}', 'UTF8'), false, false
FROM generate_series({first}::bigint, {last}) AS n;
INSERT INTO outcomes (store, number, slot, outcome, record, operation)
SELECT 'inbox', {base} + n * 1024, 0, 'event', n, (n + 1) / 2 FROM generate_series({first}::bigint, {last}) AS n;
INSERT INTO contents SELECT (n + 1) / 2, md5('event' || n), sha256(n::text::bytea), n, '2026-01-01'
FROM generate_series({first}::bigint, {last}) AS n;
"""
STANDS = """
UPDATE journal SET era = {era};
UPDATE slots SET inbox_to = {read}, inbox_digest = '', last_record = {count};
SELECT setval(pg_get_serial_sequence('operations', 'id'), {count})
"""


def fill(server: Postgres, schema: str, count: int) -> None:
    """Put a history of ``count`` callbacks, of two events each operation, into a new journal, in thirty parts."""
    server.run(f"ALTER ROLE CURRENT_USER SET search_path = {schema}")
    base = int(server.run("SELECT coalesce(max(past), 0) FROM parts")[0][0])
    length = -(-count // PARTS + 1) * PLACES
    for number in range(PARTS + 1):
        first = base + number * length
        server.run(f"SELECT add_part({first}, {first + length}, {first})")
    for first in range(1, count + 1, STEP):
        last = min(first + STEP - 1, count)
        values = {"base": base, "count": count, "now_us": time.time_ns() // 1000, "body": BODY_BYTES}
        server.run(TABLES.format(first=first, last=last, event=EVENT_BYTES, **values))
    numbers = {"era": (base + (PARTS + 1) * length) // PLACES, "read": base + count * PLACES, "count": count}
    server.run(STANDS.format(**numbers))
    server.run("VACUUM ANALYZE")
    server.run("ALTER ROLE CURRENT_USER RESET search_path")


def looked_up_ms(server: Postgres, schema: str, count: int) -> dict[str, float]:
    """Question → its median time, ms, each time about another callback."""
    bare = Address.of(server.url)
    journal = find_journal(bare.with_options(replace(bare.options, schema=schema)))
    chance = random.Random(7)
    took: dict[str, list[float]] = {"an operation's records": [], "a callback": [], "500 callbacks in order": []}
    with closing(journal.search()) as search, closing(journal.inbox()) as inbox, closing(journal.outbox()) as outbox:
        for _ in range(ASKED):
            number = chance.randrange(1, count)
            record = search.record(number)
            assert record is not None
            assert record.callback is not None
            began_s = time.monotonic()
            found = search.operations_by_key([f"0xpay:history:exchange:{record.operation_id}"])
            records = [outbox.record_id(one) for one in search.records_of(found[0].number)]
            took["an operation's records"].append(time.monotonic() - began_s)
            assert len(records) == 2
            began_s = time.monotonic()
            assert inbox.entry(record.callback) is not None
            took["a callback"].append(time.monotonic() - began_s)
            began_s = time.monotonic()
            inbox.read(record.callback, 500)
            took["500 callbacks in order"].append(time.monotonic() - began_s)
    return {name: sorted(times)[len(times) // 2] * 1000 for name, times in took.items()}
