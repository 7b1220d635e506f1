"""What a person asks of a journal: timeline, quarantine, replay, export, rejoin. No screen, no arguments parsed."""
