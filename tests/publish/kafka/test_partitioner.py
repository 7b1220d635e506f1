"""The partition of a key: the same as every other client of Kafka chooses."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as clients_own
from hypothesis import given
from hypothesis import strategies as st

from receiver.publish.kafka.partitioner import murmur2, partition_of


@given(st.binary(max_size=300))
def test_the_hash_is_the_clients_own(key: bytes) -> None:
    """Bit by bit, for every length."""
    assert murmur2(key) == clients_own(key) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("key", "found"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_the_hash_is_that_of_kafkas_own_tests(key: bytes, found: int) -> None:
    """Values from Apache Kafka's ``UtilsTest``, signed there."""
    assert murmur2(key) == found & 0xFFFFFFFF


@given(st.binary(max_size=50), st.integers(1, 50))
def test_a_partition_is_one_of_those_there_are(key: bytes, partitions: int) -> None:
    """And always the same."""
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, partitions) == partition_of(key, partitions)
