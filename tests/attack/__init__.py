"""Hostile callers against a running service, beside honest ones: ``python -m tests.attack``; each stops by itself."""
