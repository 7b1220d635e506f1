"""Kafka through aiokafka: the only code that imports it."""
