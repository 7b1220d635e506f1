"""The outside, behind the ports: SQLite, Kafka, the system's clock, the HTTP server."""
