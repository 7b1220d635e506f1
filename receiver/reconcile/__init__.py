"""The second way in: asks providers' APIs what became of operations."""
