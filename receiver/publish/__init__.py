"""From the outbox to Kafka: which topic, from which position on, exactly once."""
