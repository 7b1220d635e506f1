"""Processes: configuration, wiring, the supervisor and its children, the admin listener, logs."""
