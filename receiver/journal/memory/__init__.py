"""A journal in memory, which ships: for the tests of this service and of those who build on it. Nothing outlives it."""
