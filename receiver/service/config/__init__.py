"""``receiver.toml``: read, checked, and its references resolved."""
