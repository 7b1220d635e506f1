"""Calypso."""
